/**
 * Methods × metrics × items: which method is faithful on this model and these data?
 *
 * The work goes item by item and, within one, method by method. What one method gets on one item is one record of plain
 * data, handed out as soon as it is there; a command that writes records down can leave out those that it has.
 */

import type { InputNoise } from "../attribution/runner/inputNoise.ts";
import type { AttributionModel } from "../attributionModel.ts";
import type { Players } from "../method/perturbation/perturbation.ts";
import { rejectUnknownOptions } from "../names.ts";
import { Random } from "../random.ts";
import { type Cost, type EvaluatedMethod, type ExplainOptions, type Explanation, explain } from "./explain.ts";
import type { FunctionChoice } from "./functions.ts";
import { checkItem, type EvaluationItem } from "./item.ts";
import type { Curve, Question } from "./metric.ts";
import type { MetricId, MetricOptions } from "./registry.ts";
import type { RemovalOperator } from "./removal.ts";
import {
  askedMethods,
  askedMetrics,
  askedRemovals,
  type CompleteMetric,
  nameOf,
  optionNames,
  subjectOptions,
} from "./request.ts";
import { openSubject, type PlayerDescription, type Subject } from "./subject.ts";

/** A metric under a name of the caller's, with options. */
export interface EvaluatedMetric {
  readonly name: string;
  readonly metric: MetricId;
  readonly options?: MetricOptions;
}

/** What is to be evaluated, and how. */
export interface EvaluateOptions {
  /** Methods or floors by id, or with options of `attribute`. The floors by default. */
  readonly methods?: readonly (EvaluatedMethod["method"] | EvaluatedMethod)[];
  /** By default `aopc_comprehensiveness` and `aopc_sufficiency`, and `auprc` where every item has evidence. */
  readonly metrics?: readonly (MetricId | EvaluatedMetric)[];
  /** How players are removed, one way or several; the mean embedding by default, which every model has. */
  readonly removal?: RemovalOperator | readonly RemovalOperator[];
  /** What scores are of: tokens by default, words, sentences, or spans of the input. */
  readonly players?: Players;
  /** Encoder-decoder models: target tokens before the explained ones are players, too. */
  readonly attributeTarget?: boolean;
  /** What methods explain: `contrast_prob_diff` where an item has a foil, else `probability`. */
  readonly explained?: FunctionChoice;
  /** What metrics measure when players are removed: `probability`, of the whole target, by default. */
  readonly measured?: FunctionChoice;
  /** The same model with other weights, for `parameter_randomization`: see `randomizeParameters`. */
  readonly randomized?: AttributionModel;
  /** Of everything that is drawn. 0 by default. */
  readonly seed?: number;
  readonly memoryBudget?: number;
  /** Called with every record as it is made; the work waits for it. */
  readonly onEvaluation?: (evaluation: Evaluation) => void | Promise<void>;
  /** Records that are there already and are not made again. */
  readonly skip?: (item: number, method: string) => boolean;
  readonly onProgress?: (progress: EvaluationProgress) => void;
  readonly signal?: AbortSignal;
}

/** Reported before each record, and after the last one. */
export interface EvaluationProgress {
  /** Records made or skipped, and altogether. */
  readonly done: number;
  readonly total: number;
  /** What is in work; null after the last record. */
  readonly item: number | null;
  readonly method: string | null;
}

/** What one method got on one item. Plain data, as JSON keeps it. */
export interface Evaluation {
  /** Index of the item, and its own name. */
  readonly item: number;
  readonly id: string | null;
  readonly method: string;
  readonly players: readonly PlayerDescription[];
  /** [P] */
  readonly scores: readonly number[];
  /** Indices of the players that are evidence; null where the item names none. */
  readonly evidence: readonly number[] | null;
  /** Explained target positions, [start, end). */
  readonly positions: readonly [start: number, end: number];
  readonly explained: FunctionChoice;
  readonly measured: FunctionChoice;
  readonly cost: Cost;
  readonly results: readonly MetricResult[];
}

/** What a metric has found for one item and one method. */
export interface MetricResult {
  /** The name that the caller gave to the metric. */
  readonly metric: string;
  /** How players were removed; null for metrics that remove none. */
  readonly removal: RemovalOperator | null;
  /** Null where the metric has no meaning for the item. */
  readonly value: number | null;
  readonly curve: Curve | null;
}

/** Streams of random numbers that items draw their seeds from. */
const STREAM = 2 ** 25;
/** The stream of an item's seed that points nearby draw theirs from. */
const NEARBY = 2 ** 25;

/**
 * Evaluates methods; the records come item by item, and within an item in the order of the methods.
 * @throws OptionError when an option is none of what it may be, an item does not fit the model, or lacks evidence that a
 *   metric needs
 * @throws NumericError when a score is not finite
 */
export async function evaluate(
  model: AttributionModel,
  items: readonly EvaluationItem[],
  options: EvaluateOptions = {},
): Promise<Evaluation[]> {
  rejectUnknownOptions("evaluate", options, optionNames);
  const { onEvaluation, skip, onProgress, signal, seed = 0 } = options;
  for (const [i, item] of items.entries()) checkItem(item, nameOf(item, i));
  const asked = askedMethods(options);
  const measures = askedMetrics(options, items);
  const removals = askedRemovals(options);
  const evaluations: Evaluation[] = [];
  const total = items.length * asked.length;
  let done = 0;
  for (const [i, item] of items.entries()) {
    const left = asked.filter(({ name }) => !skip?.(i, name));
    done += asked.length - left.length;
    if (left.length === 0) continue;
    const itemSeed = new Random(seed, STREAM + i).nextUint32();
    const subjects = new Map<RemovalOperator, Subject>();
    try {
      for (const removal of removals) {
        subjects.set(removal, await openSubject(model, item, subjectOptions(options, item, i, removal, itemSeed)));
      }
      for (const method of left) {
        onProgress?.({ done, total, item: i, method: method.name });
        signal?.throwIfAborted();
        const evaluation = await evaluateOne(
          model,
          { item, index: i, method, measures, subjects, seed: itemSeed },
          options,
        );
        await onEvaluation?.(evaluation);
        evaluations.push(evaluation);
        done++;
      }
    } finally {
      for (const subject of subjects.values()) subject.dispose();
    }
  }
  onProgress?.({ done, total, item: null, method: null });
  return evaluations;
}

interface Work {
  readonly item: EvaluationItem;
  readonly index: number;
  readonly method: EvaluatedMethod;
  readonly measures: readonly CompleteMetric[];
  /** One for each way of removing players. */
  readonly subjects: ReadonlyMap<RemovalOperator, Subject>;
  readonly seed: number;
}

async function evaluateOne(model: AttributionModel, work: Work, options: EvaluateOptions): Promise<Evaluation> {
  const { item, index, method, measures, subjects, seed } = work;
  const [[, first] = []] = subjects;
  if (first === undefined) throw new RangeError("evaluate: no way to remove players");
  const explainOn = explanations(work, options);
  // What metrics have asked of the item before costs leave-one-out nothing: of an item that is opened anew it costs what it does.
  const { scores, cost } =
    method.method === "leave_one_out"
      ? await explainOn(model)
      : await explain(model, item, first, method, explainOptions(options, seed));
  const others = otherExplanations(model, work, options, explainOn);
  const results: MetricResult[] = [];
  for (const { name, metric, options: ofMetric } of measures) {
    const removes = metric.needs.includes("removal");
    for (const [removal, subject] of removes ? subjects : [...subjects].slice(0, 1)) {
      const question: Question = { ...subject, ...others, scores, random: (stream) => new Random(seed, stream) };
      const { value, curve = null } = await metric.run(question, ofMetric);
      results.push({ metric: name, removal: removes ? removal : null, value, curve });
    }
  }
  return {
    item: index,
    id: item.id ?? null,
    method: method.name,
    players: first.descriptions,
    scores: [...scores],
    evidence: first.evidence && [...first.evidence.keys()].filter((p) => first.evidence?.[p] === 1),
    positions: first.positions,
    explained: first.explained,
    measured: first.measured,
    cost,
    results,
  };
}

const explainOptions = (
  { attributeTarget = false, memoryBudget, signal }: EvaluateOptions,
  seed: number,
  noise?: InputNoise,
): ExplainOptions => ({ attributeTarget, seed, noise, memoryBudget, signal });

/** The method's explanation of the item, opened anew: on a model, of the text or of one nearby. */
function explanations({ item, index, method, subjects, seed }: Work, options: EvaluateOptions) {
  const [removal = "mean"] = subjects.keys();
  return async (model: AttributionModel, noise?: InputNoise): Promise<Explanation> => {
    const opening = { ...subjectOptions(options, item, index, removal, seed), noise };
    const subject = await openSubject(model, item, opening);
    try {
      return await explain(model, item, subject, method, explainOptions(options, seed, noise));
    } finally {
      subject.dispose();
    }
  };
}

/** The same method's scores of texts nearby, and on another model. */
function otherExplanations(
  model: AttributionModel,
  { seed }: Work,
  { randomized: other }: EvaluateOptions,
  explainOn: ReturnType<typeof explanations>,
): Pick<Question, "nearby" | "randomized"> {
  return {
    async nearby(samples, radius) {
      const random = new Random(seed, NEARBY);
      const scores: Float64Array[] = [];
      for (let i = 0; i < samples; i++) {
        scores.push((await explainOn(model, { radius, seed: random.nextUint32() })).scores);
      }
      return scores;
    },
    async randomized() {
      if (other === undefined) throw new RangeError("evaluate: no model with random weights");
      return (await explainOn(other)).scores;
    },
  };
}
