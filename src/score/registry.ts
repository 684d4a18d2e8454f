/** The scores by their identifiers (Inseq's), and the user's own. */

import { OptionError } from "../errors.ts";
import { knownName } from "../names.ts";
import { contrastLogits, contrastLogitsDiff, contrastProb, contrastProbDiff, inContextPvi, pcxmi } from "./contrast.ts";
import { klDivergence } from "./divergence.ts";
import { entropy } from "./entropy.ts";
import { mcDropoutProbAvg, mcDropoutProbZscore } from "./monteCarlo.ts";
import { topPSize } from "./nucleusSize.ts";
import { logOdds } from "./odds.ts";
import { type DescribedScore, type Score, type ScoreFunction, scoreOptionNames, type Unit } from "./score.ts";
import { crossentropy, logit, perplexity, perplexityBase2, probability } from "./token.ts";

export const scores = {
  logit,
  probability,
  entropy,
  crossentropy,
  perplexity,
  log_odds: logOdds,
  perplexity_base2: perplexityBase2,
  contrast_logits: contrastLogits,
  contrast_prob: contrastProb,
  contrast_logits_diff: contrastLogitsDiff,
  contrast_prob_diff: contrastProbDiff,
  pcxmi,
  kl_divergence: klDivergence,
  in_context_pvi: inContextPvi,
  mc_dropout_prob_avg: mcDropoutProbAvg,
  mc_dropout_prob_zscore: mcDropoutProbZscore,
  top_p_size: topPSize,
} as const satisfies Record<string, DescribedScore>;

/** The name of a score. */
export type ScoreId = keyof typeof scores;

export interface RegisteredScore extends Score {
  /** How the score is merged over spans: aggregator family -> aggregation function id. */
  readonly aggregateMap: Readonly<Record<string, string>>;
}

/** Scores that the program using this library has added. The one table here that grows, because that is its purpose. */
const registered = new Map<string, RegisteredScore>();

/** What is said of a score of one's own. */
export interface StepFunctionOptions {
  /** Aggregation function by aggregator, for instance `{ spans: "prod" }`. */
  readonly aggregateMap?: Readonly<Record<string, string>>;
  /** Replace a score of the same name. */
  readonly overwrite?: boolean;
  readonly unit?: Unit;
  /** What the score compares with, see `Score.contrast`. */
  readonly contrast?: Score["contrast"];
  readonly formula?: string;
  /** The score compares passes with dropout (`nMcdSteps` of them); it can then be a step score only. */
  readonly samples?: boolean;
}

/**
 * Adds a score of one's own, usable as `attributedFn` and in `stepScores` under `identifier`.
 *
 * `fn` gets logits [R, V] and target ids [R] and returns [R]; it must be made of differentiable operations if it is to be
 * attributed.
 * @throws OptionError when the name is taken and `overwrite` is not set
 */
export function registerStepFunction(fn: ScoreFunction, identifier: string, options: StepFunctionOptions = {}): void {
  const {
    aggregateMap = {},
    overwrite = false,
    unit = "score",
    contrast = "none",
    formula = fn.name,
    samples = false,
  } = options;
  if (!overwrite && listStepFunctions().includes(identifier)) {
    throw new OptionError(`"${identifier}" is a step function already; give another name, or { overwrite: true }`);
  }
  registered.set(identifier, {
    compute: fn,
    formula,
    unit,
    contrast,
    differentiable: !samples,
    samples,
    options: scoreOptionNames,
    aggregateMap,
  });
}

/** Identifiers of all scores, built-in ones first. */
export function listStepFunctions(): string[] {
  return [...new Set([...Object.keys(scores), ...registered.keys()])];
}

/** @throws OptionError naming the nearest score when there is none of this name */
export function findScore(identifier: string): RegisteredScore {
  const own = registered.get(identifier);
  if (own !== undefined) return own;
  const known = knownName("step function", identifier, listStepFunctions());
  return { ...scores[known as ScoreId], aggregateMap: {} };
}
