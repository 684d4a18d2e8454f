/**
 * attentionProbabilities: P = softmax(A) alone (attentionScores.ts has A), [B, H, T, S], for those who want to see or replace
 * the probabilities. `attention` never keeps them.
 */

import { type Tensor, tidy } from "../tensor.ts";
import {
  type AttentionAttrs,
  type AttentionBackwardAttrs,
  type AttentionOptions,
  attrsOf,
  probabilitiesOf,
  type ScoreInput,
  scoreGradients,
  scoreInputs,
  similarity,
} from "./attentionScores.ts";
import { defineKernel, defineOp } from "./op.ts";

export const attentionProbabilitiesForward = defineKernel<ScoreInput, AttentionAttrs>(
  "AttentionProbabilities",
  (inputs, attrs) => probabilitiesOf(similarity(inputs, attrs), inputs, attrs),
  ["mask"],
);

/** dQ, dK, and dbias where it is asked for, from the cotangent of P. */
export const attentionProbabilitiesBackward = defineKernel<"dy" | ScoreInput, AttentionBackwardAttrs>(
  "AttentionProbabilitiesBackward",
  ({ dy, ...inputs }, attrs) => {
    const probabilities = probabilitiesOf(similarity(inputs, attrs), inputs, attrs);
    const { query, key, bias } = scoreGradients(dy, probabilities, inputs, attrs);
    return bias === undefined ? [query, key] : [query, key, bias];
  },
  ["mask"],
);

const op = defineOp<ScoreInput, ScoreInput, AttentionAttrs>(attentionProbabilitiesForward, {
  saves: ["query", "key", "bias", "mask"],
  gradient: (dy, saved, attrs) => {
    const backward = (biasGradient: boolean) =>
      attentionProbabilitiesBackward({ dy, ...saved }, { ...attrs, biasGradient }) as [Tensor, Tensor, Tensor];
    const [dQuery, dKey] = backward(false);
    return { query: () => dQuery, key: () => dKey, bias: () => backward(true)[2] };
  },
});

/**
 * The probabilities P [B, H, T, S].
 * @throws ShapeError when sizes do not fit
 * @throws RangeError when the window or the soft cap is none
 */
export const attentionProbabilities = (query_BHTK: Tensor, key_BGSK: Tensor, options: AttentionOptions): Tensor =>
  tidy(() => op(scoreInputs(query_BHTK, key_BGSK, options), attrsOf(options)));
