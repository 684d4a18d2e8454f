/**
 * What a method that reads the inside of the model is given: one pass over one sequence, and where to look.
 *
 * Letters: L layers, H heads, T queries (decoder positions), S keys, G attributed steps.
 */

import type { Scores } from "../result/attribution.ts";

/** The attention probabilities of one layer, on the host. */
export interface AttentionMap {
  readonly stack: "encoder" | "decoder";
  readonly attention: "self" | "cross";
  readonly layer: number;
  /** [H, T, S], rows sum to one. */
  readonly probabilities: Scores;
}

export interface Internals {
  /** The attributed tokens are at positions start ≤ t < end; the decoder ran over positions 0 ≤ t < end − 1. */
  readonly start: number;
  readonly end: number;
  /** Number of target tokens of the whole sequence. */
  readonly targetLength: number;
  /** Whether the target prefix of an encoder-decoder model is to be attributed, too; true for decoder-only models. */
  readonly attributeTarget: boolean;
  attentionMaps(): Promise<readonly AttentionMap[]>;
}

/** What such a method returns: scores in the layout of the result. */
export interface InternalsAnswer {
  readonly sourceAttributions: Scores | null;
  readonly targetAttributions: Scores | null;
  readonly sequenceScores: Readonly<Record<string, Scores>>;
}
