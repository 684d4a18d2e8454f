/**
 * What the attention operations share: scores, which of them a query may see, their softmax, and its gradient.
 *
 *   A = c · tanh(scale · Q Kᵀ / c) + bias, masked       (without a soft cap c: scale · Q Kᵀ + bias)
 *   P = softmax(A)
 *
 * Q [B, H, T, K], K [B, G, S, K] with H a multiple of G (head h reads group h ÷ (H/G)) → A, P [B, H, T, S].
 * The soft cap is Gemma 2's (2024, arXiv 2408.00118, §2). bias [1 or B, 1 or H, 1 or T, S] is added (T5's relative
 * positions, ALiBi); mask int32 [B, S] has 0 for padding. Query t stands at position t + (S − T): the last query is at the
 * last key, as in generation with a cache. With `causal` it sees no key after its position; with `window` none that is more
 * than `before` positions before it or more than `after` after it.
 * A masked score becomes −1e30 rather than −∞ (by addition, which absorbs it), so a query that sees nothing at all gives
 * a mean and never NaN; the mean is of all S values, hidden ones too, and does not depend on query and key.
 */

import { dims } from "../dims.ts";
import { ShapeError } from "../errors.ts";
import {
  abs,
  add,
  cast,
  div,
  exp,
  expandDims,
  lessEqual,
  logicalAnd,
  matMul,
  mul,
  range,
  reshape,
  scalar,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
} from "../tensor.ts";

/** How many positions before and after its own a query sees: `{ before: w − 1, after: 0 }` are the last w keys. */
export interface Window {
  readonly before: number;
  readonly after: number;
}

export interface AttentionAttrs {
  readonly scale: number;
  readonly causal: boolean;
  readonly window?: Window | undefined;
  /** c > 0, in units of scores. */
  readonly softCap?: number | undefined;
}

/** Of the kernels of the gradient. */
export interface AttentionBackwardAttrs extends AttentionAttrs {
  /** Whether dbias is asked for: most biases are frozen, and one number for each query and key takes memory. */
  readonly biasGradient: boolean;
}

export interface AttentionOptions extends AttentionAttrs {
  readonly bias?: Tensor | undefined;
  readonly mask_BS?: Tensor | undefined;
}

/** Arguments of the kernels. A scalar stands for an absent bias or mask: kernels have a fixed list of arguments. */
export type ScoreInput = "query" | "key" | "bias" | "mask";
type ScoreInputs = { readonly [I in ScoreInput]: Tensor };

/** What a masked score becomes. */
export const MASKED = -1e30;

/** A before bias and mask, [B, H, T, S]. */
export function similarity({ query, key }: ScoreInputs, { scale, softCap }: AttentionAttrs): Tensor {
  const { B, H, T, K } = dims("attention: query", query, "B H T K");
  const { G, S } = dims("attention: key", key, "B G S K", { B, K });
  const grouped = reshape(query, [B * G, (H / G) * T, K]);
  const product = reshape(matMul(grouped, reshape(key, [B * G, S, K]), false, true), [B, H, T, S]);
  if (softCap === undefined) return mul(product, scalar(scale));
  return mul(tanh(mul(product, scalar(scale / softCap))), scalar(softCap));
}

/** A, from the similarity. */
export function maskedScores(similarity_BHTS: Tensor, { bias, mask }: ScoreInputs, attrs: AttentionAttrs): Tensor {
  const [T = 0, S = 0] = similarity_BHTS.shape.slice(2);
  const biased = bias.shape.length > 0 ? add(similarity_BHTS, bias) : similarity_BHTS;
  const visible = visibility(T, S, mask, attrs);
  return visible === undefined ? biased : add(biased, mul(sub(visible, scalar(1)), scalar(-MASKED)));
}

/** P, from the similarity. */
export const probabilitiesOf = (similarity_BHTS: Tensor, inputs: ScoreInputs, attrs: AttentionAttrs): Tensor =>
  softmax(maskedScores(similarity_BHTS, inputs, attrs), 3);

/** 1 where a query may see a key, else 0: [1 or B, 1, 1 or T, S]. Undefined where every query sees every key. */
export function visibility(
  T: number,
  S: number,
  mask: Tensor,
  { causal, window }: Pick<AttentionAttrs, "causal" | "window">,
): Tensor | undefined {
  const after = causal ? 0 : window?.after;
  const position = expandDims(range(S - T, S), 1);
  const key = expandDims(range(0, S), 0);
  const limits: Tensor[] = [];
  // The first and the last query decide whether a limit limits anything.
  if (after !== undefined && S - T + after < S - 1) limits.push(lessEqual(sub(key, position), scalar(after)));
  if (window !== undefined && S - 1 > window.before) limits.push(lessEqual(sub(position, key), scalar(window.before)));
  const conditions = limits.map((limit) => reshape(limit, [1, 1, T, S]));
  if (mask.shape.length > 0) conditions.push(reshape(cast(mask, "bool"), [mask.shape[0] ?? 1, 1, 1, S]));
  return conditions.length === 0 ? undefined : cast(conditions.reduce(logicalAnd), "float32");
}

export interface ScoreGradients {
  readonly query: Tensor;
  readonly key: Tensor;
  /** Only where it is asked for. */
  readonly bias: Tensor | undefined;
}

/**
 * From P = softmax(A):                       dA = P ∘ (dP − rowsum(dP ∘ P)), 0 where masked
 * From A = z + bias:                         dz = dA, dbias = dA summed to bias's shape
 * From z = c · tanh(x / c):                  dx = dz ∘ (1 − tanh²(x / c))
 *
 * A masked score is a constant, and so has no gradient. Its probability is 0, which sees to that, except in rows where
 * nothing is visible: those are multiplied by 0.
 */
export function scoreGradients(
  dP: Tensor,
  p: Tensor,
  inputs: ScoreInputs,
  attrs: AttentionBackwardAttrs,
): ScoreGradients {
  const { query, key, bias, mask } = inputs;
  const [T = 0, S = 0] = p.shape.slice(2);
  const unmasked = mul(p, sub(dP, sum(mul(dP, p), 3, true)));
  // Without padding, and with a position among the keys, every query sees at least itself.
  const mayBeBlind = mask.shape.length > 0 || T > S;
  const visible = mayBeBlind ? visibility(T, S, mask, attrs) : undefined;
  const dA = visible === undefined ? unmasked : mul(unmasked, visible);
  const dx = attrs.softCap === undefined ? dA : mul(dA, capSlope(inputs, attrs.scale / attrs.softCap));
  return {
    ...productGradients(dx, query, key, attrs),
    bias: attrs.biasGradient ? sumTo(dA, bias.shape) : undefined,
  };
}

/** 1 − tanh²(y) = 4 e^(−2|y|) / (1 + e^(−2|y|))² of y = scale · Q Kᵀ: far beyond the cap, where tanh is all but 1, nothing cancels. */
export function capSlope(inputs: ScoreInputs, scale: number): Tensor {
  const y = similarity(inputs, { scale, causal: false });
  const small = exp(mul(abs(y), scalar(-2)));
  return div(mul(small, scalar(4)), square(add(small, scalar(1))));
}

/** From x = scale · Q Kᵀ: dQ = scale · dx K, dK = scale · dxᵀ Q. */
export function productGradients(
  dx_BHTS: Tensor,
  query: Tensor,
  key: Tensor,
  { scale }: AttentionAttrs,
): { readonly query: Tensor; readonly key: Tensor } {
  const { B, H, T, K } = dims("attention: query", query, "B H T K");
  const { G, S } = dims("attention: key", key, "B G S K");
  const scaled = reshape(mul(dx_BHTS, scalar(scale)), [B * G, (H / G) * T, S]);
  const dQuery = matMul(scaled, reshape(key, [B * G, S, K]));
  const dKey = matMul(scaled, reshape(query, [B * G, (H / G) * T, K]), true, false);
  return { query: reshape(dQuery, [B, H, T, K]), key: reshape(dKey, [B, G, S, K]) };
}

/** Sums the axes along which a tensor of this shape was broadcast. */
function sumTo(x: Tensor, shape: readonly number[]): Tensor {
  const axes = shape.flatMap((size, axis) => (size === 1 && x.shape[axis] !== 1 ? [axis] : []));
  return axes.length > 0 ? sum(x, axes, true) : x;
}

/** The kernels' arguments, checked. */
export function scoreInputs(query_BHTK: Tensor, key_BGSK: Tensor, options: AttentionOptions): ScoreInputs {
  const { bias, mask_BS } = options;
  const { B, H, T, K } = dims("attention: query", query_BHTK, "B H T K");
  const { G, S } = dims("attention: key", key_BGSK, "B G S K", { B, K });
  checkGroups(H, G);
  checkAttrs(options);
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

export function checkGroups(H: number, G: number): void {
  if (H % G !== 0) throw new ShapeError(`attention: expected H to be a multiple of G, received H=${H}, G=${G}`);
}

function checkAttrs({ window, softCap }: AttentionAttrs): void {
  if (softCap !== undefined && !(softCap > 0)) {
    throw new RangeError(`attention: expected a soft cap above 0, received ${softCap}`);
  }
  for (const reach of window === undefined ? [] : [window.before, window.after]) {
    if (!(Number.isInteger(reach) && reach >= 0)) {
      throw new RangeError(`attention: expected a window of whole positions from 0, received ${reach}`);
    }
  }
}

/** The attributes alone, without the tensors that options carry. */
export const attrsOf = ({ scale, causal, window, softCap }: AttentionAttrs): AttentionAttrs => ({
  scale,
  causal,
  window,
  softCap,
});
