/**
 * What a method that reads the inside of the model is given: one pass over one sequence, and where to look.
 *
 * Letters: L layers, H heads, T queries (decoder positions), S keys, G attributed steps.
 */

import type { Sites } from "../model/sites.ts";
import type { Scores } from "../result/attribution.ts";
import type { Tensor } from "../tensor.ts";
import type { Choice } from "./heads.ts";

/** The attention probabilities of one layer, on the host. */
export interface AttentionMap {
  readonly stack: "encoder" | "decoder";
  readonly attention: "self" | "cross";
  readonly layer: number;
  /** [H, T, S], rows sum to one. */
  readonly probabilities: Scores;
}

export interface AttentionSelection {
  /** By default all; negative numbers count from the last layer of each stack. */
  readonly attentionLayers?: Choice;
  /** By default all, in every layer. */
  readonly attentionHeads?: Choice;
}

export interface Internals {
  /** The attributed tokens are at positions start ≤ t < end; the decoder ran over positions 0 ≤ t < end − 1. */
  readonly start: number;
  readonly end: number;
  /** Number of target tokens of the whole sequence. */
  readonly targetLength: number;
  /** Whether the target prefix of an encoder-decoder model is to be attributed, too; true for decoder-only models. */
  readonly attributeTarget: boolean;
  /** Number of source tokens; null for decoder-only models. */
  readonly sourceLength: number | null;
  /** How many copies of the sequence fit into one pass. */
  readonly rowsPerPass: number;
  /**
   * A pass of the encoder over R copies of the source, which the sites may make different: its last states, normalised,
   * [R, S, D]. Call it within a `tidy`.
   */
  readonly encode: (sites: Sites, copies: number) => Tensor;
  /** The same with the decoder, [R, T, D]; it reads the clean states of the encoder. */
  readonly decode: (sites: Sites, copies: number) => Tensor;
  /**
   * The maps of the chosen layers of each stack, with the chosen heads only; all by default.
   * @throws OptionError when there is no such layer or head
   */
  attentionMaps(selection?: AttentionSelection): Promise<readonly AttentionMap[]>;
}

/** What such a method returns: scores in the layout of the result. */
export interface InternalsAnswer {
  readonly sourceAttributions: Scores | null;
  readonly targetAttributions: Scores | null;
  readonly sequenceScores: Readonly<Record<string, Scores>>;
}
