/**
 * Attention probabilities as mixtures: half a state comes from what it attends to, averaged over heads, and half is itself,
 * M = ½ (A + I), as attention rollout and attention flow have it (Abnar and Zuidema 2020, arXiv 2005.00928). The paper has
 * encoders only; cross-attention is C = ½ A_cross, r = ½.
 */

import { add, fill, gather, int32, mean, mul, scalar, squeeze, type Tensor, tidy } from "../../tensor.ts";
import { chosenHeads, type IndicesByLayer } from "./heads.ts";
import { identity, type Mixing } from "./rollout.ts";

export interface RolloutHeads {
  /** Heads whose attention is averaged, for all layers or by layer (encoder and decoder alike); all by default. */
  readonly rolloutHeads?: IndicesByLayer;
}

export function attentionMixing({ rolloutHeads }: RolloutHeads): Mixing {
  return {
    copies: () => 1,
    watch: (_stack, tell) => ({
      wants: ({ name }) => name === "attentionProbabilities",
      visit({ attention, layer }, probabilities_1HTS) {
        const [, H = 0, T = 0] = probabilities_1HTS.shape;
        const heads = chosenHeads("rolloutHeads", rolloutHeads, layer, H);
        // A layer without a chosen head moves nothing.
        if (heads.length > 0) {
          const half = (): Tensor =>
            mul(mean(gather(squeeze(probabilities_1HTS, [0]), int32(heads), 0), 0), scalar(0.5));
          if (attention === "cross") tell({ attention, shares_TS: tidy(half), rest_T1: fill([T, 1], 0.5) }, layer);
          else tell({ attention, shares_TT: tidy(() => add(half(), mul(identity(T), scalar(0.5)))) }, layer);
        }
        return probabilities_1HTS;
      },
    }),
  };
}
