/**
 * What a method that reads the inside of the model is given: one pass over one sequence, and where to look.
 *
 * Letters: L layers, H heads, T queries (decoder positions), S keys, G attributed steps.
 */

import type { Indices } from "../../indices.ts";
import type { Sites } from "../../model/sites.ts";
import type { Scores } from "../../result/attribution.ts";
import type { Tensor } from "../../tensor.ts";

/** The attention probabilities of one layer, on the host. */
export interface AttentionMap {
  readonly stack: "encoder" | "decoder";
  readonly attention: "self" | "cross";
  readonly layer: number;
  /** [H, T, S] at the queries that were asked for; rows sum to one. */
  readonly probabilities: Scores;
}

/** The part of a gradient that goes through the attention of one layer of the decoder. */
export interface AttentionGradient {
  readonly attention: "self" | "cross";
  readonly layer: number;
  /** [G, H, S], for each step, head and key; see `Internals.attentionGradients`. */
  readonly values: Scores;
}

/** What is to be explained, as a function of the states h that leave the decoder's blocks before the attributed tokens. */
export interface Explained {
  /** The attributed function of the logits that states [G, D] give: [G]. */
  score(states_GD: Tensor): Tensor;
  /** The rank of each attributed token among the logits that states [G, D] give, 1 for the largest: [G]. */
  rank(states_GD: Tensor): Tensor;
  /**
   * With the statistics of the last normalisation held as they are for these states, the attributed function is u·h + c: u
   * [G, D], c [G]. Of functions that are linear in the logits.
   */
  direction(states_GD: Tensor): { readonly directions_GD: Tensor; readonly constants_G: Tensor };
}

export interface AttentionSelection {
  /** By default all; negative numbers count from the last layer of each stack. */
  readonly attentionLayers?: Indices;
  /** By default all, in every layer. */
  readonly attentionHeads?: Indices;
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
  /** H·K, the most numbers that all heads of a layer give together. */
  readonly headsWidth: number;
  readonly explained: Explained;
  /**
   * A pass of the encoder over R copies of the source, which the sites may make different: its last states, normalised,
   * [R, S, D]. Call it within a `tidy`.
   */
  readonly encode: (sites: Sites, copies: number) => Tensor;
  /** The same with the decoder, [R, T, D]; it reads the clean states of the encoder. */
  readonly decode: (sites: Sites, copies: number) => Tensor;
  /**
   * The maps of the chosen layers of each stack, with the chosen heads only; all by default. Of the queries those that
   * `queriesOf` says, in its order: nothing else is kept.
   * @throws OptionError when there is no such layer or head
   */
  attentionMaps(
    selection: AttentionSelection,
    queriesOf: (stack: AttentionMap["stack"], attention: AttentionMap["attention"]) => readonly number[],
  ): Promise<readonly AttentionMap[]>;
  /**
   * Σ_i A_ij ∂f/∂A_ij over the queries i, for the attributed function of every step, in the chosen layers and heads of the
   * decoder; with `positive` of the positive derivatives only.
   * @throws OptionError when there is no such layer or head
   */
  attentionGradients(selection: AttentionSelection, positive: boolean): Promise<readonly AttentionGradient[]>;
}

/** What such a method returns: scores in the layout of the result. */
export interface InternalsAnswer {
  readonly sourceAttributions: Scores | null;
  readonly targetAttributions: Scores | null;
  readonly sequenceScores: Readonly<Record<string, Scores>>;
  /** [G] each. */
  readonly stepScores?: Readonly<Record<string, Scores>>;
}
