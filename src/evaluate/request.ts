/** What is asked of an evaluation: methods, metrics and ways of removing, completed and checked. */

import { OptionError } from "../errors.ts";
import { listTokenMethods } from "../method/registry.ts";
import { knownName, rejectUnknownOptions } from "../names.ts";
import type { EvaluatedMetric, EvaluateOptions } from "./evaluate.ts";
import { type EvaluatedMethod, floors, isFloor } from "./explain.ts";
import type { EvaluationItem } from "./item.ts";
import { type AnyMetric, type MetricId, type MetricOptions, metrics } from "./registry.ts";
import { listRemovalOperators, type RemovalOperator } from "./removal.ts";
import type { SubjectOptions } from "./subject.ts";

export const optionNames: readonly string[] = [
  "methods",
  "metrics",
  "removal",
  "players",
  "attributeTarget",
  "explained",
  "measured",
  "randomized",
  "seed",
  "memoryBudget",
  "onEvaluation",
  "skip",
  "onProgress",
  "signal",
] satisfies readonly (keyof EvaluateOptions)[];

/** How an item is called in messages. */
export const nameOf = ({ id }: EvaluationItem, i: number): string =>
  id === undefined ? `item ${i}` : `item ${i} ("${id}")`;

export function askedMethods({ methods: given = floors }: EvaluateOptions): EvaluatedMethod[] {
  const known = [...new Set<EvaluatedMethod["method"]>([...floors, ...listTokenMethods()])];
  const asked = given.map((one) => (typeof one === "string" ? { name: one, method: one } : one));
  for (const { name, method, options = {} } of asked) {
    knownName("attribution method", method, known);
    if (isFloor(method)) rejectUnknownOptions(name, options, []);
  }
  return distinct("methods", asked);
}

export interface CompleteMetric {
  readonly name: string;
  readonly metric: AnyMetric;
  /** With all defaults. */
  readonly options: Required<MetricOptions>;
}

export function askedMetrics(
  { metrics: given, randomized }: EvaluateOptions,
  items: readonly EvaluationItem[],
): CompleteMetric[] {
  const withoutEvidence = items.findIndex(({ evidence }) => evidence === undefined);
  const usual: MetricId[] = ["aopc_comprehensiveness", "aopc_sufficiency"];
  const asked = (given ?? (withoutEvidence < 0 ? [...usual, "auprc" as const] : usual)).map((one) =>
    typeof one === "string" ? { name: one, metric: one } : one,
  );
  const complete = asked.map(({ name, metric: id, options: own = {} }: EvaluatedMetric): CompleteMetric => {
    const metric: AnyMetric = metrics[knownName("metric", id, Object.keys(metrics) as MetricId[])];
    rejectUnknownOptions(name, own, Object.keys(metric.defaults));
    const options = { ...metric.defaults, ...own } as Required<MetricOptions>;
    metric.check?.(options);
    if (metric.needs.includes("randomized") && randomized === undefined) {
      throw new OptionError(
        `${name}: expected a second model with random weights as randomized, received none; load the model again and call ` +
          "randomizeParameters",
      );
    }
    if (metric.needs.includes("evidence") && withoutEvidence >= 0) {
      const item = items[withoutEvidence] as EvaluationItem;
      throw new OptionError(
        `${name}: expected evidence in every item, found none in ${nameOf(item, withoutEvidence)}; leave the metric out`,
      );
    }
    return { name, metric, options };
  });
  return distinct("metrics", complete);
}

export function askedRemovals({ removal: given = "mean" }: EvaluateOptions): RemovalOperator[] {
  const asked = typeof given === "string" ? [given] : given;
  for (const name of asked) knownName("removal", name, listRemovalOperators());
  return distinct(
    "removal",
    asked.map((name) => ({ name })),
  ).map(({ name }) => name);
}

/** @throws OptionError when nothing is asked for, or two have the same name */
function distinct<T extends { readonly name: string }>(what: string, asked: readonly T[]): T[] {
  if (asked.length === 0) throw new OptionError(`${what}: expected at least one, received none`);
  const twice = asked.find(({ name }, i) => asked.findIndex((other) => other.name === name) < i);
  if (twice === undefined) return [...asked];
  throw new OptionError(`${what}: expected different names, received "${twice.name}" twice; give one another name`);
}

/** How an item is opened, for one way of removing. */
export function subjectOptions(
  { players = "token", attributeTarget = false, explained, measured, memoryBudget, signal }: EvaluateOptions,
  item: EvaluationItem,
  i: number,
  removal: RemovalOperator,
  seed: number,
): SubjectOptions {
  return { where: nameOf(item, i), removal, players, attributeTarget, explained, measured, seed, memoryBudget, signal };
}
