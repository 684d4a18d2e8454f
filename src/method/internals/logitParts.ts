/**
 * A logit taken apart along the residual stream. The state that leaves the last block is a sum of vectors, and with the
 * statistics of the last normalisation held, the logit (or a difference of logits) is u·h + c in it. So it is a sum, too:
 *
 *   f = u·x_0 + Σ_ℓ (Σ_h Σ_j α_hij u·(v_hj W_O,h) + u·b_O + u·mlp_ℓ) + c
 *
 * Letters: G steps, H heads, S keys, L layers.
 */

import {
  add,
  dispose,
  keep,
  matMul,
  mul,
  readFloats,
  reshape,
  slice,
  sum,
  type Tensor,
  tidy,
  transpose,
} from "../../tensor.ts";
import { type AttentionParts, copiesToTakeApart, takingApart } from "./attentionParts.ts";
import { attentionPlaces } from "./attentionPlaces.ts";
import type { Internals, InternalsAnswer } from "./internals.ts";
import { residualStates } from "./residualStates.ts";

export interface LogitParts {
  /** u·mlp_ℓ of each layer [G]. */
  readonly mlps: readonly Float32Array[];
  /**
   * `logit`: f; `embedding_logit`: u·x_0; `mlp_logit`: of all layers' feed-forward parts; `bias_logit`: c and what the biases
   * of attention give.
   */
  readonly stepScores: Record<string, Float32Array>;
}

/**
 * Takes the explained function apart, and tells of the part of each attention in the decoder, in order: u·f_gj of every
 * head, [H, G, S].
 */
export async function takeLogitApart(
  internals: Internals,
  tell: (parts: AttentionParts, scores_HGS: Tensor) => void,
): Promise<LogitParts> {
  const { start, end, explained, headsWidth } = internals;
  const states = residualStates(internals);
  const last_GD = states.leaving.at(-1) ?? states.entering;
  const { directions_GD, constants_G } = explained.direction(last_GD);
  const along = (x: Tensor): Tensor => sum(mul(directions_GD, x), 1);
  const found = tidy(() => {
    let bias_G = constants_G;
    const sites = takingApart([attentionPlaces.decoder, attentionPlaces.cross], (parts) => {
      bias_G = add(bias_G, along(parts.bias_D));
      tell(
        parts,
        tidy(() => scoresOf(parts, directions_GD, start - 1, end - start)),
      );
    });
    internals.decode(sites, copiesToTakeApart(headsWidth, end - 1));
    return [explained.score(last_GD), along(states.entering), bias_G, ...states.mlps.map(along)].map(keep);
  });
  const [logit, embedding, bias, ...mlps] = await Promise.all(found.map(readFloats));
  dispose([found, directions_GD, constants_G]);
  states.dispose();
  const nothing = new Float32Array(end - start);
  const mlp = nothing.map((_, g) => mlps.reduce((total, part) => total + (part[g] ?? Number.NaN), 0));
  return {
    mlps,
    stepScores: {
      logit: logit ?? nothing,
      embedding_logit: embedding ?? nothing,
      mlp_logit: mlp,
      bias_logit: bias ?? nothing,
    },
  };
}

export const asStepScores = (scores: Readonly<Record<string, Float32Array>>): InternalsAnswer["stepScores"] =>
  Object.fromEntries(Object.entries(scores).map(([id, values]) => [id, { shape: [values.length], values }]));

/** α_hgj v_hj·(W_O,h u_g) of G queries from the first on: [H, G, S] */
function scoresOf(parts: AttentionParts, directions_GD: Tensor, first: number, G: number): Tensor {
  const { probabilities_HTS, value_HSK, projection_HKD } = parts;
  const [H = 0, , S = 0] = probabilities_HTS.shape;
  const [, K = 0, D = 0] = projection_HKD.shape;
  const read_HKG = reshape(matMul(reshape(projection_HKD, [H * K, D]), directions_GD, false, true), [H, K, G]);
  const of_HSG = matMul(value_HSK, read_HKG);
  return mul(slice(probabilities_HTS, [0, first, 0], [H, G, S]), transpose(of_HSG, [0, 2, 1]));
}
