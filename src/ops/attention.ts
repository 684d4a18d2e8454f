/**
 * attention: scaled dot-product attention (Vaswani et al. 2017, arXiv 1706.03762, eq. 1) with grouped key/value heads
 * (Ainslie et al. 2023, arXiv 2305.13245):
 *
 *   P = softmax(scale · Q Kᵀ + bias, masked), O = P V
 *
 * Q [B, H, T, K], K and V [B, G, S, K] with H a multiple of G (head h reads group h ÷ (H/G)) → O [B, H, T, K].
 * bias [1 or B, 1 or H, 1 or T, S] is added (T5's relative positions, ALiBi); mask int32 [B, S] has 0 for padding.
 * With `causal`, query t sees keys s ≤ t + (S − T): the last query sees every key, as generation with a cache needs.
 * A masked score becomes −1e30 rather than −∞ (by addition, which absorbs it), so a query that sees nothing at all gives
 * a mean and never NaN; the mean is of all S values, hidden ones too, and does not depend on query and key.
 */

import { dims } from "../dims.ts";
import { ShapeError } from "../errors.ts";
import {
  add,
  cast,
  expandDims,
  greaterEqual,
  logicalAnd,
  matMul,
  mul,
  range,
  reshape,
  scalar,
  softmax,
  sub,
  sum,
  type Tensor,
  tidy,
} from "../tensor.ts";
import { defineKernel, defineOp, first } from "./op.ts";

export interface AttentionAttrs {
  readonly scale: number;
  readonly causal: boolean;
}

/** A scalar stands for an absent bias or mask: kernels have a fixed list of arguments. */
type In = "query" | "key" | "value" | "bias" | "mask";

const MASKED = -1e30;

/** P [B, H, T, S]. */
export const attentionProbabilitiesForward = defineKernel<Exclude<In, "value">, AttentionAttrs>(
  "AttentionProbabilities",
  ({ query, key, bias, mask }, { scale, causal }) => {
    const { B, H, T, K } = dims("attention: query", query, "B H T K");
    const { G, S } = dims("attention: key", key, "B G S K", { B, K });
    const grouped = reshape(query, [B * G, (H / G) * T, K]);
    const product = matMul(grouped, reshape(key, [B * G, S, K]), false, true);
    let scores = mul(reshape(product, [B, H, T, S]), scalar(scale));
    if (bias.shape.length > 0) scores = add(scores, bias);
    const visible = visibility(T, S, mask, causal);
    if (visible !== undefined) scores = add(scores, mul(sub(visible, scalar(1)), scalar(-MASKED)));
    return softmax(scores, 3);
  },
);

/** 1 where a query may see a key, else 0: [1 or B, 1, 1 or T, S]. Undefined where every query sees every key. */
function visibility(T: number, S: number, mask: Tensor, causal: boolean): Tensor | undefined {
  const past =
    causal && T > 1
      ? reshape(greaterEqual(expandDims(range(S - T, S), 1), expandDims(range(0, S), 0)), [1, 1, T, S])
      : undefined;
  const real = mask.shape.length > 0 ? reshape(cast(mask, "bool"), [mask.shape[0] ?? 1, 1, 1, S]) : undefined;
  const visible = past !== undefined && real !== undefined ? logicalAnd(past, real) : (past ?? real);
  return visible === undefined ? undefined : cast(visible, "float32");
}

/**
 * From P = softmax(A): dA = P ∘ (dP − rowsum(dP ∘ P)), all [B, H, T, S].
 *
 * A masked score is a constant, and so has no gradient. Its probability is 0, which sees to that, except in rows where
 * nothing is visible: those are multiplied by 0.
 */
function scoreGradient(p: Tensor, dP: Tensor, mask: Tensor, causal: boolean): Tensor {
  const [T = 0, S = 0] = p.shape.slice(2);
  const dA = mul(p, sub(dP, sum(mul(dP, p), 3, true)));
  const mayBeBlind = mask.shape.length > 0 || T > S;
  const visible = mayBeBlind ? visibility(T, S, mask, causal) : undefined;
  return visible === undefined ? dA : mul(dA, visible);
}

/** O = P V */
function weigh(probabilities_BHTS: Tensor, value_BGSK: Tensor): Tensor {
  const { B, H, T, S } = dims("attention: probabilities", probabilities_BHTS, "B H T S");
  const { G, K } = dims("attention: value", value_BGSK, "B G S K", { B, S });
  const grouped = reshape(probabilities_BHTS, [B * G, (H / G) * T, S]);
  return reshape(matMul(grouped, reshape(value_BGSK, [B * G, S, K])), [B, H, T, K]);
}

export const attentionForward = defineKernel<In, AttentionAttrs>(
  "Attention",
  ({ query, key, value, bias, mask }, attrs) =>
    weigh(first(attentionProbabilitiesForward.reference({ query, key, bias, mask }, attrs)), value),
);

/**
 * From O = P V:                            dP = dO Vᵀ,  dV = Pᵀ dO
 * From P = softmax(A):                     dA = P ∘ (dP − rowsum(dP ∘ P)), 0 where masked
 * From A = scale · Q Kᵀ + bias:            dQ = scale · dA K,  dK = scale · dAᵀ Q,  dbias = dA summed to bias's shape
 */
export const attentionBackward = defineKernel<"dy" | In, AttentionAttrs>(
  "AttentionBackward",
  ({ dy, query, key, value, bias, mask }, attrs) => {
    const { B, H, T, K } = dims("attention: query", query, "B H T K");
    const { G, S } = dims("attention: key", key, "B G S K");
    const rows = (H / G) * T;
    const p = first(attentionProbabilitiesForward.reference({ query, key, bias, mask }, attrs));
    const dO = reshape(dy, [B * G, rows, K]);
    const dP = matMul(dO, reshape(value, [B * G, S, K]), false, true);
    const dA = scoreGradient(p, reshape(dP, [B, H, T, S]), mask, attrs.causal);
    const scaled = reshape(mul(dA, scalar(attrs.scale)), [B * G, rows, S]);
    const dQuery = matMul(scaled, reshape(key, [B * G, S, K]));
    const dKey = matMul(scaled, reshape(query, [B * G, rows, K]), true, false);
    const dValue = matMul(reshape(p, [B * G, rows, S]), dO, true, false);
    const gradients = [reshape(dQuery, [B, H, T, K]), reshape(dKey, [B, G, S, K]), reshape(dValue, [B, G, S, K])];
    if (bias.shape.length > 0) gradients.push(sumTo(dA, bias.shape));
    return gradients;
  },
);

/** Sums the axes along which a tensor of this shape was broadcast. */
function sumTo(x: Tensor, shape: readonly number[]): Tensor {
  const axes = shape.flatMap((size, axis) => (size === 1 && x.shape[axis] !== 1 ? [axis] : []));
  return axes.length > 0 ? sum(x, axes, true) : x;
}

const op = defineOp<In, In, AttentionAttrs>(attentionForward, {
  saves: ["query", "key", "value", "bias", "mask"],
  gradient: (dy, saved, attrs) => {
    const [dQuery, dKey, dValue, dBias] = attentionBackward({ dy, ...saved }, attrs) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor?,
    ];
    const gradients = { query: () => dQuery, key: () => dKey, value: () => dValue };
    return dBias === undefined ? gradients : { ...gradients, bias: () => dBias };
  },
});

/** dA as above, from the cotangent of the probabilities. */
export const attentionProbabilitiesBackward = defineKernel<"dy" | Exclude<In, "value">, AttentionAttrs>(
  "AttentionProbabilitiesBackward",
  ({ dy, query, key, bias, mask }, attrs) => {
    const { B, H, T, K } = dims("attention: query", query, "B H T K");
    const { G, S } = dims("attention: key", key, "B G S K");
    const p = first(attentionProbabilitiesForward.reference({ query, key, bias, mask }, attrs));
    const dA = scoreGradient(p, dy, mask, attrs.causal);
    const scaled = mul(reshape(dA, [B * G, (H / G) * T, S]), scalar(attrs.scale));
    const dQuery = matMul(scaled, reshape(key, [B * G, S, K]));
    const dKey = matMul(scaled, reshape(query, [B * G, (H / G) * T, K]), true, false);
    const gradients = [reshape(dQuery, [B, H, T, K]), reshape(dKey, [B, G, S, K])];
    if (bias.shape.length > 0) gradients.push(sumTo(dA, bias.shape));
    return gradients;
  },
);

const probabilitiesOp = defineOp<Exclude<In, "value">, Exclude<In, "value">, AttentionAttrs>(
  attentionProbabilitiesForward,
  {
    saves: ["query", "key", "bias", "mask"],
    gradient: (dy, saved, attrs) => {
      const [dQuery, dKey, dBias] = attentionProbabilitiesBackward({ dy, ...saved }, attrs) as [
        Tensor,
        Tensor,
        Tensor?,
      ];
      const gradients = { query: () => dQuery, key: () => dKey };
      return dBias === undefined ? gradients : { ...gradients, bias: () => dBias };
    },
  },
);

export interface AttentionOptions extends AttentionAttrs {
  readonly bias?: Tensor | undefined;
  readonly mask_BS?: Tensor | undefined;
}

function kernelInputs(query_BHTK: Tensor, key_BGSK: Tensor, { bias, mask_BS }: AttentionOptions) {
  const { B, H, T, K } = dims("attention: query", query_BHTK, "B H T K");
  const { G, S } = dims("attention: key", key_BGSK, "B G S K", { B, K });
  checkGroups(H, G);
  if (mask_BS !== undefined) dims("attention: mask", mask_BS, "B S", { B, S });
  if (bias !== undefined) {
    const fits = [B, H, T, S].every((size, axis) => bias.shape[axis] === size || (axis < 3 && bias.shape[axis] === 1));
    if (!fits || bias.shape.length !== 4) {
      throw new ShapeError(
        `attention: expected bias [1 or ${B}, 1 or ${H}, 1 or ${T}, ${S}], received [${bias.shape.join(", ")}]`,
      );
    }
  }
  return { query: query_BHTK, key: key_BGSK, bias: bias ?? scalar(0), mask: mask_BS ?? scalar(1) };
}

function checkGroups(H: number, G: number): void {
  if (H % G !== 0) throw new ShapeError(`attention: expected H to be a multiple of G, received H=${H}, G=${G}`);
}

/**
 * Attention output per head, O [B, H, T, K]; the probabilities are never kept.
 * @throws ShapeError when sizes do not fit
 */
export function attention(query_BHTK: Tensor, key_BGSK: Tensor, value_BGSK: Tensor, options: AttentionOptions): Tensor {
  const { scale, causal } = options;
  return tidy(() => {
    const inputs = kernelInputs(query_BHTK, key_BGSK, options);
    const { B, G, S, K } = dims("attention: key", key_BGSK, "B G S K");
    dims("attention: value", value_BGSK, "B G S K", { B, G, S, K });
    return op({ ...inputs, value: value_BGSK }, { scale, causal });
  });
}

/** The probabilities P [B, H, T, S] alone, for those who want to see or replace them. */
export function attentionProbabilities(query_BHTK: Tensor, key_BGSK: Tensor, options: AttentionOptions): Tensor {
  const { scale, causal } = options;
  return tidy(() => probabilitiesOp(kernelInputs(query_BHTK, key_BGSK, options), { scale, causal }));
}

export const attentionValuesForward = defineKernel<"probabilities" | "value">(
  "AttentionValues",
  ({ probabilities, value }) => weigh(probabilities, value),
);

/** From O = P V: dP = dO Vᵀ, dV = Pᵀ dO */
export const attentionValuesBackward = defineKernel<"dy" | "probabilities" | "value">(
  "AttentionValuesBackward",
  ({ dy, probabilities, value }) => {
    const { B, H, T, S } = dims("attention: probabilities", probabilities, "B H T S");
    const { G, K } = dims("attention: value", value, "B G S K");
    const dO = reshape(dy, [B * G, (H / G) * T, K]);
    const dP = matMul(dO, reshape(value, [B * G, S, K]), false, true);
    const dValue = matMul(reshape(probabilities, [B * G, (H / G) * T, S]), dO, true, false);
    return [reshape(dP, [B, H, T, S]), reshape(dValue, [B, G, S, K])];
  },
);

const valuesOp = defineOp<"probabilities" | "value", "probabilities" | "value", Record<string, never>>(
  attentionValuesForward,
  {
    saves: ["probabilities", "value"],
    gradient: (dy, saved) => {
      const [dP, dValue] = attentionValuesBackward({ dy, ...saved }, {}) as [Tensor, Tensor];
      return { probabilities: () => dP, value: () => dValue };
    },
  },
);

/**
 * P V: what attention does with its probabilities, [B, H, T, K].
 * @throws ShapeError when sizes do not fit
 */
export function attentionValues(probabilities_BHTS: Tensor, value_BGSK: Tensor): Tensor {
  const { B, H, S } = dims("attention: probabilities", probabilities_BHTS, "B H T S");
  const { G } = dims("attention: value", value_BGSK, "B G S K", { B, S });
  checkGroups(H, G);
  return valuesOp({ probabilities: probabilities_BHTS, value: value_BGSK }, {});
}
