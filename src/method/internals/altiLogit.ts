/**
 * ALTI-Logit (Ferrando et al. 2023, arXiv 2305.12535): what every input token adds to the logit of the predicted token, or to its
 * difference from another token's (`contrast_logits_diff`), through the attention of all layers. What a head reads at
 * position j of layer ℓ goes to the logit by the residual stream, and back to the inputs by the shares that ALTI has rolled
 * out to there:
 *
 *   φ_s = Σ_ℓ Σ_j Δ_ℓj R_(ℓ−1)js,   Δ_ℓj = u·Σ_h α_hij v_hj W_O,h
 *
 * Rows of R sum to one, so that the scores of source and prefix, `embedding_logit`, `mlp_logit` and `bias_logit` make `logit`
 * (all of them step scores).
 *
 * Results in logits: `targetAttributions` [T, G] and `sourceAttributions` [S, G].
 */

import { add, dispose, keep, matMul, readFloats, sum, type Tensor, tidy } from "../../tensor.ts";
import type { InternalsMethod } from "../method.ts";
import { altiMixture, partsMixing } from "./alti.ts";
import type { Internals, InternalsAnswer } from "./internals.ts";
import { asStepScores, takeLogitApart } from "./logitParts.ts";
import { inputsOf, laidOutShares, mixed, rolledEncoder, startOf } from "./rollout.ts";

export const altiLogit: InternalsMethod<object> = {
  on: "internals",
  needs: ["affineAttention", "residualStream", "affineHead"],
  explains: "logits",
  usesBaseline: false,
  draws: false,
  options: [],
  dimensionNames: [],
  run: attributeLogits,
  paper: "Ferrando et al. 2023, arXiv 2305.12535",
  formula: "Σ over layers of Δ R: what heads read goes to the logit, and back to the inputs by ALTI's shares",
  cost: "2 forward beside d_model positions, 1 backward of the head, T × T × D numbers for each layer",
  unit: "logit",
  defaults: {},
  goodFor: "which tokens speak for one token rather than another, without gradients; parts add up to the logit",
  badFor:
    "what feed-forward parts make of the context, which is reported apart; models that normalise behind the residual sum are refused",
};

async function attributeLogits(internals: Internals): Promise<InternalsAnswer> {
  const { read_SI, start_TI } = tidy(() => {
    const encoder = rolledEncoder(internals, partsMixing(internals.headsWidth, altiMixture));
    return { read_SI: encoder && keep(encoder), start_TI: keep(startOf(internals)) };
  });
  let rolled_TI = start_TI;
  let total_GI: Tensor | undefined;
  const replaced = (old: Tensor | undefined, next: Tensor): Tensor => {
    if (old !== undefined) dispose(old);
    return keep(next);
  };
  const { stepScores } = await takeLogitApart(internals, (parts, scores_HGS) => {
    const from = parts.attention === "cross" ? (read_SI ?? rolled_TI) : rolled_TI;
    const before = total_GI;
    const summed = tidy(() => {
      const read_GI = matMul(sum(scores_HGS, 0), from);
      return before === undefined ? read_GI : add(before, read_GI);
    });
    total_GI = replaced(total_GI, summed);
    rolled_TI = replaced(
      rolled_TI,
      tidy(() => mixed(rolled_TI, altiMixture(parts), read_SI)),
    );
  });
  const scores = total_GI === undefined ? new Float32Array(0) : await readFloats(total_GI);
  dispose([rolled_TI, ...[total_GI, read_SI].filter((x) => x !== undefined)]);
  const first = internals.start - 1;
  const share = (query: number, input: number): number =>
    scores[(query - first) * inputsOf(internals) + input] ?? Number.NaN;
  return { ...laidOutShares(internals, share), stepScores: asStepScores(stepScores) } as InternalsAnswer;
}
