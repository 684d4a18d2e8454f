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

import type { Site, Sites } from "../model/sites.ts";
import type { Scores } from "../result/attribution.ts";
import {
  add,
  concat,
  dispose,
  gather,
  int32,
  keep,
  matMul,
  mean,
  mul,
  readFloats,
  scalar,
  squeeze,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from "../tensor.ts";
import { type ChoiceByLayer, chosenOfLayer } from "./heads.ts";
import type { Internals, InternalsAnswer } from "./internals.ts";
import type { InternalsMethod } from "./method.ts";

export interface AttentionRolloutOptions {
  /** Heads whose attention is averaged, for all layers or by layer (encoder and decoder alike); all by default. */
  readonly rolloutHeads?: ChoiceByLayer;
}

export const attentionRollout: InternalsMethod<AttentionRolloutOptions> = {
  on: "internals",
  usesBaseline: false,
  draws: false,
  options: ["rolloutHeads"],
  dimensionNames: [],
  run: rollOut,
  paper: "Abnar and Zuidema 2020, arXiv 2005.00928",
  formula: "∏ ½ (A + I) over layers, A averaged over heads",
  cost: "1 forward, 1 product of [T, T] matrices for each layer",
  unit: "probability",
  defaults: {},
  goodFor: "where positions come from through all layers, in one forward pass",
  badFor: "explaining an output: half of every layer is assumed to be its residual, and values play no part",
};

async function rollOut(internals: Internals, options: AttentionRolloutOptions): Promise<InternalsAnswer> {
  const { start, end, attributeTarget, sourceLength, targetLength } = internals;
  const T = end - 1;
  const S = sourceLength ?? 0;
  const shares_TI = tidy(() => {
    const decoder = concat([zeros([T, S]), identity(T)], 1);
    if (S === 0) return keep(rolled(internals.decode, decoder, undefined, options));
    const encoder = rolled(internals.encode, identity(S), undefined, options);
    return keep(rolled(internals.decode, decoder, concat([encoder, zeros([S, T])], 1), options));
  });
  const shares = await readFloats(shares_TI);
  dispose(shares_TI);
  /** Of the inputs from ≤ i < from + count; NaN from `visible(query)` on. */
  const layOut = (from: number, rows: number, count: (query: number) => number): Scores => {
    const G = end - start;
    const values = new Float32Array(rows * G).fill(Number.NaN);
    for (let g = 0; g < G; g++) {
      const query = start + g - 1;
      for (let i = 0; i < Math.min(rows, count(query)); i++) {
        values[i * G + g] = shares[query * (S + T) + from + i] ?? Number.NaN;
      }
    }
    return { shape: [rows, G], values };
  };
  return {
    sourceAttributions: sourceLength === null ? null : layOut(0, S, () => S),
    targetAttributions: attributeTarget ? layOut(S, Math.min(targetLength, end), (query) => query + 1) : null,
    sequenceScores: {},
  };
}

/** R after all layers of a pass, from what it is before the first; `read` are the rows that cross-attention brings in. */
function rolled(
  run: Internals["decode"],
  first: Tensor,
  read: Tensor | undefined,
  { rolloutHeads }: AttentionRolloutOptions,
): Tensor {
  let rolledSoFar = first;
  const sites: Sites = {
    wants: ({ name }) => name === "attentionProbabilities",
    visit(site: Site, probabilities_1HTS) {
      const [, H = 0] = probabilities_1HTS.shape;
      const heads = chosenOfLayer("rolloutHeads", rolloutHeads, site.layer, H);
      // A layer without a chosen head moves nothing.
      if (heads.length > 0) {
        const attention_TS = mean(gather(squeeze(probabilities_1HTS, [0]), int32(heads), 0), 0);
        const from = site.attention === "cross" ? (read ?? rolledSoFar) : rolledSoFar;
        rolledSoFar = mul(add(matMul(attention_TS, from), rolledSoFar), scalar(0.5));
      }
      return probabilities_1HTS;
    },
  };
  run(sites, 1);
  return rolledSoFar;
}

function identity(size: number): Tensor {
  const values = new Float32Array(size * size);
  for (let i = 0; i < size; i++) values[i * size + i] = 1;
  return tensor(values, [size, size]);
}
