/**
 * What a score is: one number for each row, from the model's next-token distribution and the token in question.
 *
 * The same function serves as step score (what did the model think at this step?) and as attributed function (what is to
 * be explained?): it must then be differentiable in the logits. A score never sees a model: contexts to contrast with
 * are run for it, and arrive as logits.
 *
 * Letters: R rows (one for each step and path point), V vocabulary.
 */

import type { Tensor } from "../tensor.ts";

/** Unit of a score. */
export type Unit = "logit" | "probability" | "nat" | "bit" | "choices" | "score";

/** Options that scores understand; each names those that it uses. */
export interface ScoreOptions {
  /** Natural logarithms of probabilities instead of probabilities (`probability`, `contrast_prob`, `contrast_prob_diff`). */
  readonly logprob?: boolean | undefined;
  /** Keep the most likely tokens only (`kl_divergence`); 0 keeps all. */
  readonly topK?: number | undefined;
  /** Keep the smallest set of tokens with at least this probability (`kl_divergence`, `top_p_size`); 0 < topP ≤ 1. */
  readonly topP?: number | undefined;
  /** Keep at least so many tokens whatever `topP` says. */
  readonly minTokensToKeep?: number | undefined;
  /** What becomes of several foils, see `src/score/foils.ts`; `mean` by default. */
  readonly foilReduction?: FoilReduction | undefined;
  /** Passes with dropout (`mc_dropout_prob_avg`, `mc_dropout_prob_zscore`), Inseq's name; 5 by default. */
  readonly nMcdSteps?: number | undefined;
  /** Probability with which each number is dropped, in place of what config.json says; 0 < mcdRate < 1. */
  readonly mcdRate?: number | undefined;
}

/** How the numbers of several foils become one. */
export const foilReductions = ["mean", "sum", "logsumexp"] as const;
/** One of these ways. */
export type FoilReduction = (typeof foilReductions)[number];

/** All of them: what a score of the caller's own is given. */
export const scoreOptionNames = [
  "logprob",
  "topK",
  "topP",
  "minTokensToKeep",
  "foilReduction",
  "nMcdSteps",
  "mcdRate",
] as const satisfies readonly (keyof ScoreOptions)[];

/** The next-token distribution of R rows, and the token of each that is asked about. */
export interface NextToken {
  readonly logits_RV: Tensor;
  /** int32 [R] */
  readonly targets_R: Tensor;
}

/** What a score is computed from. */
export interface ScoreStep extends NextToken {
  /** What to compare with: another token, another context, or both. Of several foils the first. */
  readonly contrast: NextToken;
  /** All foils, at least one. */
  readonly foils: readonly NextToken[];
  /** The same tokens after passes with dropout; none unless the score asks for them. */
  readonly samples: readonly NextToken[];
  readonly options: ScoreOptions;
}

/** A score's computation: one number for each row, [R]. */
export type ScoreFunction = (step: ScoreStep) => Tensor;

export interface Score {
  /** [R], differentiable in `logits_RV` where `differentiable` says so. */
  readonly compute: ScoreFunction;
  readonly formula: string;
  readonly unit: Unit;
  /** `token`: looks at the contrast's token; `context`: compares two contexts, so another one must be run. */
  readonly contrast: "none" | "token" | "context";
  readonly differentiable: boolean;
  /** Needs passes with dropout, which step scores have and attributed functions have not. */
  readonly samples?: boolean;
  /** A span's score is the product of its tokens' scores; otherwise their sum. Not with `logprob`. */
  readonly multiplies?: boolean;
  readonly options: readonly (keyof ScoreOptions)[];
}

/** A score of the library, with what `inseq explain` and the tables say about it. */
export interface DescribedScore extends Score {
  readonly paper: string;
  /** What it is good for, and what it should not be used for: one line each. */
  readonly goodFor: string;
  readonly badFor: string;
}

/** What each option does, and what it is when left out. */
export const scoreOptionHelp: { readonly [Name in keyof Required<ScoreOptions>]: string } = {
  logprob: "natural logarithms of probabilities instead of probabilities; false by default",
  topK: "keep the most likely tokens only; 0, the default, keeps all",
  topP: "keep the smallest set of tokens with at least this probability, 0 < topP ≤ 1; 1 by default, and required by top_p_size",
  minTokensToKeep: "keep at least so many tokens whatever topP says; 1 by default",
  foilReduction: "what the numbers of several foils become: mean, the default, sum or logsumexp",
  nMcdSteps: "passes with dropout; 5 by default",
  mcdRate: "probability with which each number is dropped, 0 < mcdRate < 1; by default what config.json says",
};
