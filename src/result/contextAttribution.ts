/**
 * What a text's context does to what a model writes (PECoRe, Sarti et al. 2024, https://arxiv.org/abs/2310.01188): how much
 * each token of an output depends on the context, and which tokens of the context the dependent ones depend on.
 */

import type { AttributionInfo } from "./attribution.ts";

/** The scores of the contexts' tokens for one token that depends on them. */
export interface ContextualCues {
  /** Which token of the output, among `outputCurrentTokens`. */
  readonly ctiIdx: number;
  readonly ctiToken: string;
  readonly ctiScore: number;
  /** The text with context up to this token; of a decoder-only model with its input. */
  readonly contextualOutput: string;
  /** What it was compared with, if the attributed function compares: a token, and the text that it ends. */
  readonly contrastToken: string | null;
  readonly contextlessOutput: string | null;
  /** One score for each of `inputContextTokens`; null without such a context. */
  readonly inputContextScores: readonly number[] | null;
  readonly outputContextScores: readonly number[] | null;
}

/** Inseq's `AttributeContextOutput`. Tokens are strings of the vocabulary. */
export interface ContextAttribution {
  readonly inputContext: string | null;
  readonly inputContextTokens: readonly string[] | null;
  readonly outputContext: string | null;
  readonly outputContextTokens: readonly string[] | null;
  readonly outputCurrent: string;
  readonly outputCurrentTokens: readonly string[];
  /** How much each token of the output depends on the context: in the unit of the metric. */
  readonly ctiScores: readonly number[];
  /** For each token that depends on it, strongest first. */
  readonly cciScores: readonly ContextualCues[];
  /** What was asked, by Inseq's keys; null if it was not to be kept. */
  readonly info: AttributionInfo | null;
}
