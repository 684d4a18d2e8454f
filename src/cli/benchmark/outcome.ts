/** What a benchmark found on a task, from its records: means with errors, differences from chance, costs, a ranking. */

import type { Estimate } from "../../evaluate/bootstrap.ts";
import type { Evaluation } from "../../evaluate/evaluate.ts";
import { type FloorId, isFloor } from "../../evaluate/explain.ts";
import { type MetricId, metrics } from "../../evaluate/registry.ts";
import { type Column, columnsOf, compareMethods, type Summary, summarize } from "../../evaluate/summary.ts";
import type { Journal, LeftOut } from "./journal.ts";
import type { OpenTask } from "./openTask.ts";

/** The mean cost of explaining one item. */
export interface MeanCost {
  readonly seconds: number;
  /** Null where the method counts none. */
  readonly forwards: number | null;
  readonly backwards: number | null;
  /** The most over the items; null for floors. */
  readonly peakBytes: number | null;
}

/** Floors that ask nothing of the model. */
export const priors = ["random", "recency"] as const satisfies readonly FloorId[];
export type Prior = (typeof priors)[number];

export interface MethodOutcome {
  readonly method: string;
  /** One for each column. */
  readonly summaries: readonly Summary[];
  /**
   * By how much each column is better than that of scores which do not look at the model, in pairs of the same items;
   * negative where it is worse.
   */
  readonly gains: Readonly<Record<Prior, readonly Estimate[]>>;
  readonly cost: MeanCost;
}

export interface TaskOutcome {
  readonly task: string;
  readonly model: string;
  readonly backend: string;
  readonly items: number;
  readonly columns: readonly Column[];
  /** Best first, by the first column. */
  readonly methods: readonly MethodOutcome[];
  readonly leftOut: readonly LeftOut[];
  /** What was wrong with rows and items that were left out. */
  readonly faults: readonly string[];
  readonly evaluations: readonly Evaluation[];
}

/** From what the journal has of the task. */
export function outcomeOf(
  { task: { name, modelName }, model, items, faults }: OpenTask,
  journal: Journal,
): TaskOutcome {
  const leftOut = journal.leftOut(name);
  const about = { task: name, model: modelName, backend: model.backend.name, items: items.length, leftOut, faults };
  const gone = new Set(leftOut.map(({ method }) => method));
  const evaluations = journal.evaluations(name).filter(({ method }) => !gone.has(method));
  const columns = columnsOf(evaluations);
  const summaries = summarize(evaluations);
  const names = [...new Set(evaluations.map(({ method }) => method))];
  const methods = names.map((method): MethodOutcome => {
    const own = summaries.filter((one) => one.method === method);
    const gainsOver = (prior: Prior) => columns.map((column) => gainOf(evaluations, [method, prior], column));
    return {
      method,
      summaries: columns.map((column) => own.find((one) => isOf(one, column)) as Summary),
      gains: { random: gainsOver("random"), recency: gainsOver("recency") },
      cost: meanCost(evaluations.filter((one) => one.method === method)),
    };
  });
  const [first] = columns;
  const rank = ({ summaries: [one] }: MethodOutcome): number =>
    (one?.mean ?? Number.NEGATIVE_INFINITY) * (first === undefined ? 1 : directionOf(first));
  return { ...about, columns, methods: methods.sort((a, b) => rank(b) - rank(a)), evaluations };
}

/** 1 where higher is better, −1 where lower is. */
export function directionOf({ metric }: Column): 1 | -1 {
  return metrics[metric as MetricId].better === "higher" ? 1 : -1;
}

/** `deletion`, or `deletion, mean` where players were removed in several ways. */
export function columnName({ metric, removal }: Column, columns: readonly Column[]): string {
  const isOne = columns.filter((other) => other.metric === metric).length === 1;
  return removal === null || isOne ? metric : `${metric}, ${removal}`;
}

const isOf = (one: Column, other: Column): boolean => one.metric === other.metric && one.removal === other.removal;

/** With fewer items two standard errors are exceeded by chance more often than in one of twenty-five cases. */
export const FEWEST_ITEMS = 10;

/**
 * What an explanation should be worth: methods whose first column is better than both priors' beyond its errors; null where
 * there are too few items to tell.
 */
export function beyondPriors({ methods, items }: TaskOutcome): string[] | null {
  if (items < FEWEST_ITEMS) return null;
  const isBeyond = ({ mean, standardError, items: pairs }: Estimate): boolean =>
    pairs >= FEWEST_ITEMS && mean !== null && standardError !== null && mean > 2 * standardError;
  return methods
    .filter(({ method, gains }) => !isFloor(method) && priors.every((prior) => gains[prior].slice(0, 1).some(isBeyond)))
    .map(({ method }) => method);
}

function gainOf(evaluations: readonly Evaluation[], pair: readonly [string, Prior], column: Column): Estimate {
  const { mean, ...rest } = compareMethods(evaluations, pair, column);
  // 0 instead of −0.
  return { mean: mean === null ? null : mean * directionOf(column) + 0, ...rest };
}

function meanCost(evaluations: readonly Evaluation[]): MeanCost {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanOrNull = (values: readonly (number | null)[]): number | null => {
    const counted = values.filter((value) => value !== null);
    return counted.length > 0 ? mean(counted) : null;
  };
  const peaks = evaluations.flatMap(({ cost }) => cost.peakBytes ?? []);
  return {
    seconds: mean(evaluations.map(({ cost }) => cost.seconds)),
    forwards: meanOrNull(evaluations.map(({ cost }) => cost.forwards)),
    backwards: meanOrNull(evaluations.map(({ cost }) => cost.backwards)),
    peakBytes: peaks.length > 0 ? Math.max(...peaks) : null,
  };
}
