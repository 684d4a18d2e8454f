/**
 * What a metric is asked: how good are these scores of the players (tokens, words or spans of an input)? It answers with a
 * number, from the scores and what it may ask: the value of a function of the model when players are removed, the evidence
 * that a data set names, other explanations of the same input. It never sees a model.
 *
 * Letters: P players, K coalitions, N steps of the target.
 */

import { OptionError } from "../errors.ts";
import type { Coalition } from "../method/perturbation/game.ts";
import type { Random } from "../random.ts";

/**
 * Which function of the target, given the players that are left, each a number for the whole target span:
 * `measured` what the caller chose to measure (the probability of the target unless told otherwise), `explained` the
 * attributed function, summed over the span as the scores are, `logprob` the logarithm of the target's probability.
 */
export type FunctionName = "measured" | "explained" | "logprob";

/** What a metric is asked about one item. */
export interface Question {
  /** P */
  readonly players: number;
  /** s, finite, [P]. */
  readonly scores: Float64Array;
  /** 1 for players that are evidence, 0 for others [P]; null where the data name none. */
  readonly evidence: Uint8Array | null;
  /** The function at each coalition [K]. Coalitions that are asked again cost nothing. */
  value(coalitions: readonly Coalition[], of?: FunctionName): Promise<Float64Array>;
  /**
   * Σ_v (√p_v − √q_v)² between the next-token distributions p of the text and q of the text with the players' embeddings
   * thinned out: each of their elements is kept with the probability that `kept` [P] gives, else zero. Of each row of `kept`
   * [K][N], drawn from the streams of random numbers from `stream` on.
   */
  thinned(kept: readonly Float64Array[], stream: number): Promise<readonly Float64Array[]>;
  /** Scores by the same method of `samples` inputs whose embeddings are moved, uniformly within ± `radius`, [samples][P]. */
  nearby(samples: number, radius: number): Promise<readonly Float64Array[]>;
  /** Scores of the same input by the same method on the model with random weights, [P]. */
  randomized(): Promise<Float64Array>;
  /** A new generator of random numbers from the caller's seed, the same for all methods on one item. */
  random(stream: number): Random;
}

/** A function along a ranking: its values when these shares of the players are removed (or revealed). */
export interface Curve {
  readonly shares: readonly number[];
  readonly values: readonly number[];
}

export interface Measured {
  /** Null where the metric has no meaning for the item: the mean leaves it out. */
  readonly value: number | null;
  readonly curve?: Curve;
}

/** `function`: that of the function which is measured or explained. */
export type MetricUnit = "function" | "function²" | "nat" | "share" | "distance" | "correlation" | "rank" | "score";

/** What must be there beyond scores: a way to remove players (which results then name), evidence, a second model. */
export type MetricNeed = "removal" | "evidence" | "randomized";

/** A measure of how good an explanation is. */
export interface Metric<Options extends object> {
  readonly formula: string;
  readonly paper: string;
  readonly unit: MetricUnit;
  readonly better: "higher" | "lower";
  /** The least and the greatest value there can be. */
  readonly range: readonly [least: number, greatest: number];
  /** In forward passes over the text unless it says otherwise; P players. */
  readonly cost: string;
  readonly needs: readonly MetricNeed[];
  /** Every option with its default. */
  readonly defaults: Required<Options>;
  /** @throws OptionError when an option is none of what it may be */
  readonly check?: (options: Required<Options>) => void;
  readonly run: (question: Question, options: Required<Options>) => Promise<Measured>;
}

/** @throws OptionError unless the option is a share of the players, 0 < share ≤ 1 */
export function checkShare(name: string, share: number): void {
  if (share > 0 && share <= 1) return;
  throw new OptionError(`${name}: expected a share from above 0 to 1, received ${share}`);
}

/** @throws OptionError unless the option is a positive integer */
export function checkCount(name: string, count: number): void {
  if (Number.isInteger(count) && count > 0) return;
  throw new OptionError(`${name}: expected a positive integer, received ${count}`);
}
