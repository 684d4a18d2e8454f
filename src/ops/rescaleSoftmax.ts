/**
 * Multipliers of softmax, P = softmax(A) over the last axis, and of its logarithm.
 *
 * With ℓ = ln P = A − lse(A), the rescale rule of the exponential function is the logarithmic mean
 *   L_i = (P_i − P'_i) / (ℓ_i − ℓ'_i), so that ΔP_i = L_i Δℓ_i = L_i (ΔA_i − Δlse).
 * As the ΔP_i sum to zero, Δlse = Σ_j L_j ΔA_j / Σ_j L_j. Hence
 *   ΔP_i = L_i (ΔA_i − Σ_j L_j ΔA_j / Σ_j L_j),   Δℓ_i = ΔA_i − Σ_j L_j ΔA_j / Σ_j L_j,
 * which are softmax's and log-softmax's gradients with the mean of the probabilities of both points in place of P. Nothing
 * is chosen here: shifting all A of one point by a number changes nothing, and where the points coincide L is P.
 */

import { abs, add, div, logSoftmax, minimum, mul, scalar, softmax, square, sub, sum, type Tensor } from "../tensor.ts";
import type { MultiplierRule } from "./multipliers.ts";
import { average, differenceQuotient } from "./twoPoints.ts";

/** Below this difference of logarithms the quotient loses digits, and a series is exact to 1e-9. */
const SMALL = 0.1;

/** L, [..., S], from the scores at both points. */
export function logarithmicMean(scores: Tensor, others: Tensor): Tensor {
  const [p, q] = [softmax(scores, -1), softmax(others, -1)];
  const d = sub(logSoftmax(scores, -1), logSoftmax(others, -1));
  // L / mean(p, q) = tanh(d/2) / (d/2) = 1 − d²/12 + d⁴/120 − …; the bound keeps the part that is not used finite.
  const d2 = square(minimum(abs(d), scalar(SMALL)));
  const series = add(sub(scalar(1), mul(d2, scalar(1 / 12))), mul(square(d2), scalar(1 / 120)));
  return differenceQuotient(sub(p, q), d, SMALL, mul(average(p, q), series));
}

/** From ΔP = L ∘ (ΔA − Σ L ΔA / Σ L): dA = L ∘ (dP − Σ L dP / Σ L) */
export function throughSoftmax(dP: Tensor, mean: Tensor): Tensor {
  return mul(mean, sub(dP, div(sum(mul(mean, dP), -1, true), sum(mean, -1, true))));
}

export const rescaleSoftmax: MultiplierRule = ({ here, there, dys }) => ({
  logits: () =>
    throughSoftmax(dys[0] as Tensor, logarithmicMean(here.inputs.logits as Tensor, there.inputs.logits as Tensor)),
});

/** From Δℓ = ΔA − Σ L ΔA / Σ L: dA = dℓ − L Σ dℓ / Σ L */
export const rescaleLogSoftmax: MultiplierRule = ({ here, there, dys }) => {
  const [[name = "", scores] = []] = Object.entries(here.inputs);
  const dy = dys[0] as Tensor;
  return {
    [name]: () => {
      const mean = logarithmicMean(scores as Tensor, there.inputs[name] as Tensor);
      return sub(dy, mul(mean, div(sum(dy, -1, true), sum(mean, -1, true))));
    },
  };
};
