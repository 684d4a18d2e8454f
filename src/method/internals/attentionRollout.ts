/**
 * Attention rollout (Abnar and Zuidema 2020, arXiv 2005.00928): where a state comes from if every layer mixes its inputs by
 * its attention, averaged over heads, and by its residual connection, half and half:
 *
 *   R_ℓ = ½ (A_ℓ + I) R_(ℓ−1),   R_0 = I
 *
 * In an encoder-decoder the inputs of the decoder are the source and the target prefix together: its self-attention mixes
 * the rows of R, its cross-attention brings in those of the encoder, R ← ½ (A_cross E + R). The paper has encoders only.
 * Every row is a distribution over all inputs: it sums to one.
 *
 * Results: shares `targetAttributions` [T, G] and `sourceAttributions` [S, G] of the predicting positions. Cost: one forward
 * pass (two of the encoder) and a product T × T × (S + T) for each layer; one layer's probabilities exist at a time.
 */

import type { InternalsMethod } from "../method.ts";
import { attentionMixing, type RolloutHeads } from "./attentionMixing.ts";
import { rollOut } from "./rollout.ts";

export const attentionRollout: InternalsMethod<RolloutHeads> = {
  on: "internals",
  needs: [],
  explains: "nothing",
  usesBaseline: false,
  draws: false,
  options: ["rolloutHeads"],
  dimensionNames: [],
  run: (internals, options) => rollOut(internals, attentionMixing(options)),
  paper: "Abnar and Zuidema 2020, arXiv 2005.00928",
  formula: "∏ ½ (A + I) over layers, A averaged over heads",
  cost: "1 forward, 1 product of [T, T] matrices for each layer",
  unit: "probability",
  defaults: {},
  goodFor: "where positions come from through all layers, in one forward pass",
  badFor: "explaining an output: half of every layer is assumed to be its residual, and values play no part",
};
