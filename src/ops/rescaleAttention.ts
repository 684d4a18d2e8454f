/**
 * Multipliers of attention, O = softmax(A) V with A = z + bias, masked, and z = c · tanh(x / c), x = scale · Q Kᵀ:
 * two products, a softmax and, with a soft cap, a tanh, each by its own rule.
 *
 *   dP = dO V̄ᵀ,  dV = P̄ᵀ dO        (bars are means over both points)
 *   dA = L ∘ (dP − Σ L dP / Σ L)     (`rescaleSoftmax.ts`), 0 for queries that see nothing
 *   dx = dA · Δz / Δx
 *   dQ = scale · dx K̄,  dK = scale · dxᵀ Q̄
 *
 * The bias does not depend on what is attributed, and has no multiplier.
 */

import { mul, scalar, softmax, square, sub, type Tensor } from "../tensor.ts";
import {
  type AttentionAttrs,
  maskedScores,
  productGradients,
  type ScoreInput,
  similarity,
  visibility,
} from "./attentionScores.ts";
import { attentionValuesBackward } from "./attentionValues.ts";
import type { MultiplierRule } from "./multipliers.ts";
import { logarithmicMean, throughSoftmax } from "./rescaleSoftmax.ts";
import type { Entry } from "./tape.ts";
import { average, differenceQuotient } from "./twoPoints.ts";

type Inputs = { readonly [I in ScoreInput]: Tensor };

export const rescaleAttention: MultiplierRule = (both) => {
  const [here, there] = [inputsOf(both.here), inputsOf(both.there)];
  const attrs = both.here.attributes as AttentionAttrs;
  const probabilities = average(softmax(scoresOf(here, attrs), -1), softmax(scoresOf(there, attrs), -1));
  const value = average(both.here.saved[2] as Tensor, both.there.saved[2] as Tensor);
  const dy = both.dys[0] as Tensor;
  const [dP, dValue] = attentionValuesBackward({ dy, probabilities, value }, {}) as [Tensor, Tensor];
  return { ...throughScores(dP, here, there, attrs), value: () => dValue };
};

export const rescaleAttentionProbabilities: MultiplierRule = (both) => {
  const attrs = both.here.attributes as AttentionAttrs;
  const inputs = ({ saved: [query, key, bias, mask] }: Entry) => ({ query, key, bias, mask }) as Inputs;
  return throughScores(both.dys[0] as Tensor, inputs(both.here), inputs(both.there), attrs);
};

/** As `attention` saves them. */
const inputsOf = ({ saved: [query, key, _value, bias, mask] }: Entry) => ({ query, key, bias, mask }) as Inputs;

const scoresOf = (inputs: Inputs, attrs: AttentionAttrs): Tensor =>
  maskedScores(similarity(inputs, attrs), inputs, attrs);

/** From dP to multipliers of query and key. */
function throughScores(dP: Tensor, here: Inputs, there: Inputs, attrs: AttentionAttrs): ReturnType<MultiplierRule> {
  const [T = 0, S = 0] = dP.shape.slice(2);
  const seen = throughSoftmax(dP, logarithmicMean(scoresOf(here, attrs), scoresOf(there, attrs)));
  const mayBeBlind = here.mask.shape.length > 0 || T > S;
  const visible = mayBeBlind ? visibility(T, S, here.mask, attrs) : undefined;
  const dA = visible === undefined ? seen : mul(seen, visible);
  const dx = attrs.softCap === undefined ? dA : mul(dA, capSlope(here, there, attrs, attrs.softCap));
  const { query, key } = productGradients(dx, average(here.query, there.query), average(here.key, there.key), attrs);
  return { query: () => query, key: () => key };
}

/** Differences of x / c below which the slopes are averaged. */
const SMALL = 1e-3;

/** Δz / Δx for z = c · tanh(x / c). */
function capSlope(here: Inputs, there: Inputs, attrs: AttentionAttrs, cap: number): Tensor {
  const uncapped = { ...attrs, softCap: undefined };
  const [z, otherZ] = [similarity(here, attrs), similarity(there, attrs)];
  const dx = sub(similarity(here, uncapped), similarity(there, uncapped));
  const derivative = (at: Tensor): Tensor => sub(scalar(1), square(mul(at, scalar(1 / cap))));
  return differenceQuotient(sub(z, otherZ), dx, SMALL * cap, average(derivative(z), derivative(otherZ)));
}
