/**
 * The result of an attribution: plain, immutable data. No tensors, no model, nothing to dispose.
 *
 * Dimension letters: S source tokens, T target tokens, G attributed (generated) tokens, D embedding width, L layers,
 * H heads. Names and layout are those of Inseq's result (its "Result shapes"), so that files can be exchanged.
 */

import type { ChatSpan } from "../text/chat.ts";
import type { Span } from "../text/span.ts";

/** A token of the source or the target. */
export interface Token {
  /** The vocabulary's own string, for instance `▁the` or `Ġthe`; merged tokens are concatenated. */
  readonly token: string;
  /** The vocabulary id; -1 for merged and for contrastive tokens. */
  readonly id: number;
  /** Where the token stands in the source or target text; null for special tokens and where it is not known. */
  readonly span: Span | null;
}

/** An array of numbers with its sizes, the last axis varying fastest. NaN means "does not apply". */
export interface Scores {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * What the axes after the second one of the attributions mean, which decides the default aggregation:
 * `granular` (embedding width), `multidimensional` (layers, heads), `coarse` (none), `base` (unknown, or no scores).
 */
export type SequenceKind = "base" | "granular" | "coarse" | "multidimensional";

/** An aggregator that a sequence went through, and what it was told, by the names of `aggregate`'s options. */
export type AggregationRecord = { readonly aggregator: string } & { readonly [option: string]: Json };

/** What the scores of each step add up to, beside what they should explain: [G] each, in units of the attributed function. */
export interface Completeness {
  /** f(x) */
  readonly value: Float32Array;
  /** f(x′), of several baselines the mean; null for methods that compare with none. */
  readonly baseline: Float32Array | null;
  /** The sum of the step's signed scores over all tokens and their width; of several layers the mean. */
  readonly sum: Float32Array;
  /** f(x) − f(x′) − sum: what the scores leave unexplained; null without a baseline. */
  readonly gap: Float32Array | null;
}

/** The attribution of one sequence. */
export interface SequenceAttribution {
  readonly kind: SequenceKind;
  /** The encoder's input, or the prompt of a decoder-only model. */
  readonly source: readonly Token[];
  /** All target tokens: BOS to EOS of an encoder-decoder model, prompt and continuation of a decoder-only model. */
  readonly target: readonly Token[];
  /** [S, G, ...]: the score of each source token for each attributed token; null for decoder-only models. */
  readonly sourceAttributions: Scores | null;
  /** [min(T, attrPosEnd), G, ...]: cell (i, g) is NaN where `i >= attrPosStart + g`; null when not asked for. */
  readonly targetAttributions: Scores | null;
  /** One number per attributed token, [G], for each step score that was asked for. */
  readonly stepScores: Readonly<Record<string, Scores>>;
  /** Further maps of the whole sequence, for instance `encoder_self_attentions` [S, S, L, H]. */
  readonly sequenceScores: Readonly<Record<string, Scores>>;
  /** The attributed tokens are `target[attrPosStart .. attrPosEnd)`. */
  readonly attrPosStart: number;
  readonly attrPosEnd: number;
  /** What `aggregate()` does when it is not told otherwise, in order: aggregation functions over the last axis. */
  readonly defaultAggregators: readonly string[];
  /** How step scores are merged over spans, where it differs from the table of defaults: score id -> function id. */
  readonly stepScoreAggregation: Readonly<Record<string, string>>;
  /** Names of the axes of the attributions after the second, for instance `["Model Layer", "Attention Head"]`. */
  readonly dimensionNames: readonly string[];
  /** Of a conversation, whose characters are where in the source text, or in a decoder-only model's; absent for texts. */
  readonly turns?: readonly ChatSpan[] | undefined;
  /** What was done to the method's scores, in order; absent when nothing was. */
  readonly aggregations?: readonly AggregationRecord[] | undefined;
  /**
   * Of the method's scores, whatever became of them since; merged tokens have the sum of theirs. Absent for methods that do
   * not ask for a function of the output, and in Inseq's files.
   */
  readonly completeness?: Completeness | undefined;
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What was asked and how it went. Keys are Inseq's own (`attribution_method`, `exec_time`, ...), as in its files. */
export type AttributionInfo = { readonly [key: string]: Json };

/** The attribution of a batch, as plain data. */
export interface Attribution {
  readonly sequences: readonly SequenceAttribution[];
  /** One entry per generation step, when asked for. */
  readonly steps: readonly StepAttribution[] | null;
  readonly info: AttributionInfo;
}

/** The scores of one generation step over the whole batch (Inseq's `step_attributions`); B sequences. */
export interface StepAttribution {
  readonly kind: SequenceKind;
  /** [B, S, ...], or null. */
  readonly sourceAttributions: Scores | null;
  /** [B, t, ...], t being the number of target tokens before the attributed one; or null. */
  readonly targetAttributions: Scores | null;
  /** [B] each. */
  readonly stepScores: Readonly<Record<string, Scores>>;
  readonly sequenceScores: Readonly<Record<string, Scores>>;
  readonly source: readonly (readonly Token[])[];
  readonly prefix: readonly (readonly Token[])[];
  /** The attributed token of each sequence. */
  readonly target: readonly (readonly Token[])[];
}
