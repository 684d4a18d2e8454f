/**
 * attention: scaled dot-product attention (Vaswani et al. 2017, arXiv 1706.03762, eq. 1) with grouped key/value heads
 * (Ainslie et al. 2023, arXiv 2305.13245), optionally within a sliding window (Beltagy et al. 2020, arXiv 2004.05150):
 *
 *   P = softmax(A), O = P V            (attentionScores.ts has the scores A, and what a query may see)
 *
 * Q [B, H, T, K], K and V [B, G, S, K] → O [B, H, T, K]. The forward pass also gives L = ln Σ_s e^A of the keys that a query
 * sees, [B, H, T], −∞ where it sees none: kernels of the backward pass recompute P = e^(A − L) from it (Dao et al. 2022,
 * arXiv 2205.14135), so that P, T × S, is never kept.
 */

import { dims } from "../dims.ts";
import { fill, greater, log, max, scalar, softmax, sub, type Tensor, tidy, where } from "../tensor.ts";
import {
  type AttentionAttrs,
  type AttentionBackwardAttrs,
  type AttentionOptions,
  attrsOf,
  MASKED,
  maskedScores,
  probabilitiesOf,
  type ScoreInput,
  scoreGradients,
  scoreInputs,
  similarity,
} from "./attentionScores.ts";
import { attentionValuesBackward, attentionValuesForward } from "./attentionValues.ts";
import { defineKernel, defineOp, first } from "./op.ts";

type In = ScoreInput | "value";

/** O and L. */
export const attentionForward = defineKernel<In, AttentionAttrs>(
  "Attention",
  ({ value, ...inputs }, attrs) => {
    const scores = maskedScores(similarity(inputs, attrs), inputs, attrs);
    const probabilities = softmax(scores, 3);
    const highest = max(scores, 3);
    // The highest probability is e^(highest − L).
    const logSumExp = sub(highest, log(max(probabilities, 3)));
    const sees = greater(highest, scalar(MASKED / 2));
    return [
      first(attentionValuesForward.reference({ probabilities, value }, {})),
      where(sees, logSumExp, fill(highest.shape, Number.NEGATIVE_INFINITY)),
    ];
  },
  ["mask"],
);

/** From O = P V: dP = dO Vᵀ, dV = Pᵀ dO. The rest is in attentionScores.ts. dQ, dK, dV, and dbias where it is asked for. */
export const attentionBackward = defineKernel<"dy" | In | "logSumExp", AttentionBackwardAttrs>(
  "AttentionBackward",
  ({ dy, value, logSumExp: _, ...inputs }, attrs) => {
    const probabilities = probabilitiesOf(similarity(inputs, attrs), inputs, attrs);
    const [dP, dValue] = attentionValuesBackward.reference({ dy, probabilities, value }, {}) as [Tensor, Tensor];
    const { query, key, bias } = scoreGradients(dP, probabilities, inputs, attrs);
    return bias === undefined ? [query, key, dValue] : [query, key, dValue, bias];
  },
  ["mask"],
);

const op = defineOp<In, In, AttentionAttrs>(attentionForward, {
  saves: ["query", "key", "value", "bias", "mask"],
  savesOutputs: [false, true],
  gradient: (dy, saved, attrs, outputs) => {
    const logSumExp = outputs[0] ?? scalar(Number.NaN);
    const backward = (biasGradient: boolean) =>
      attentionBackward({ dy, ...saved, logSumExp }, { ...attrs, biasGradient }) as [Tensor, Tensor, Tensor, Tensor];
    const [dQuery, dKey, dValue] = backward(false);
    return { query: () => dQuery, key: () => dKey, value: () => dValue, bias: () => backward(true)[3] };
  },
});

/**
 * Attention output per head, O [B, H, T, K].
 * @throws ShapeError when sizes do not fit
 * @throws RangeError when the window or the soft cap is none
 */
export const attention = (
  query_BHTK: Tensor,
  key_BGSK: Tensor,
  value_BGSK: Tensor,
  options: AttentionOptions,
): Tensor =>
  tidy(() => {
    const inputs = scoreInputs(query_BHTK, key_BGSK, options);
    const { B, G, S, K } = dims("attention: key", key_BGSK, "B G S K");
    dims("attention: value", value_BGSK, "B G S K", { B, G, S, K });
    return op({ ...inputs, value: value_BGSK }, attrsOf(options));
  });
