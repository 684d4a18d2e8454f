/**
 * Attention times gradient (Grad-SAM: Barkan et al. 2021, arXiv 2204.11073; Chefer, Gur and Wolf 2021, arXiv 2103.15679): how
 * much the attributed function changes with what a head attends to,
 *
 *   s_j = Σ_i A_ij ∂f/∂A_ij
 *
 * summed over the positions i that attend to j, because all of them act on the prediction. It is the derivative by a factor
 * on all that the head reads at j. With `positiveGradients` only positive derivatives count, as in the papers.
 *
 * Results, in units of the attributed function: `targetAttributions` [T, G, L, H] of the decoder's self-attention and
 * `sourceAttributions` [S, G, L, H] of cross-attention.
 */

import type { Scores } from "../../result/attribution.ts";
import type { InternalsMethod } from "../method.ts";
import type { AttentionGradient, AttentionSelection, Internals, InternalsAnswer } from "./internals.ts";

export interface AttentionXGradientOptions extends AttentionSelection {
  /** Positive derivatives only; false by default. */
  readonly positiveGradients?: boolean;
}

export const attentionXGradient: InternalsMethod<AttentionXGradientOptions> = {
  on: "internals",
  needs: [],
  explains: "differentiable",
  usesBaseline: false,
  draws: false,
  options: ["attentionLayers", "attentionHeads", "positiveGradients"],
  dimensionNames: ["Model Layer", "Attention Head"],
  run: attribute,
  paper: "Barkan et al. 2021, arXiv 2204.11073; Chefer et al. 2021, arXiv 2103.15679",
  formula: "Σᵢ A_ij ∂f/∂A_ij of each layer and head",
  cost: "1 forward, 1 backward",
  unit: "that of the score",
  defaults: { positiveGradients: false },
  goodFor: "which heads and which of the tokens that they read matter for this output",
  badFor:
    "values that matter without attention changing: it is a first-order measure at the probabilities, and does not add up to the output",
};

async function attribute(internals: Internals, options: AttentionXGradientOptions): Promise<InternalsAnswer> {
  const { attributeTarget, sourceLength, targetLength, start, end } = internals;
  const gradients = await internals.attentionGradients(options, options.positiveGradients ?? false);
  const of = (kind: "self" | "cross") => gradients.filter(({ attention }) => attention === kind);
  return {
    sourceAttributions: sourceLength === null ? null : layOut(of("cross"), sourceLength, () => sourceLength),
    targetAttributions: attributeTarget ? layOut(of("self"), Math.min(targetLength, end), (g) => start + g) : null,
    sequenceScores: {},
  };
}

/** [keys, G, L, H]; NaN from `visible(g)` on. */
function layOut(layers: readonly AttentionGradient[], rows: number, visible: (step: number) => number): Scores {
  const [G = 0, H = 0, S = 0] = layers[0]?.values.shape ?? [];
  const L = layers.length;
  const values = new Float32Array(rows * G * L * H).fill(Number.NaN);
  for (const [layer, { values: scores }] of layers.entries()) {
    for (let g = 0; g < G; g++) {
      for (let key = 0; key < Math.min(rows, visible(g)); key++) {
        for (let head = 0; head < H; head++) {
          values[((key * G + g) * L + layer) * H + head] = scores.values[(g * H + head) * S + key] ?? Number.NaN;
        }
      }
    }
  }
  return { shape: [rows, G, L, H], values };
}
