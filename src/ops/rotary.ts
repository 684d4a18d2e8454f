/**
 * rotary position embedding (Su et al. 2021, arXiv 2104.09864), on pairs (i, i + K/2) of a head's width, as Llama lays
 * them out:
 *
 *   y₁ = x₁ cos − x₂ sin
 *   y₂ = x₂ cos + x₁ sin
 *
 * x [B, H, T, K] with halves x₁, x₂ [B, H, T, K/2]; cos, sin [B or 1, T, K/2], angles = position · frequency.
 */

import { dims } from "../dims.ts";
import { add, concat, expandDims, mul, split, sub, type Tensor } from "../tensor.ts";
import { defineKernel, defineOp, first } from "./op.ts";

type In = "x" | "cos" | "sin";

export const rotaryForward = defineKernel<In>("Rotary", ({ x, cos, sin }) => {
  const [x1, x2] = split(x, 2, 3) as [Tensor, Tensor];
  const c = expandDims(cos, 1);
  const s = expandDims(sin, 1);
  return concat([sub(mul(x1, c), mul(x2, s)), add(mul(x2, c), mul(x1, s))], 3);
});

/**
 * From y₁ = x₁ cos − x₂ sin, y₂ = x₂ cos + x₁ sin:
 *   dx₁ = dy₁ cos + dy₂ sin
 *   dx₂ = dy₂ cos − dy₁ sin
 */
export const rotaryBackward = defineKernel<"dy" | "cos" | "sin">("RotaryBackward", ({ dy, cos, sin }) => {
  const [dy1, dy2] = split(dy, 2, 3) as [Tensor, Tensor];
  const c = expandDims(cos, 1);
  const s = expandDims(sin, 1);
  return concat([add(mul(dy1, c), mul(dy2, s)), sub(mul(dy2, c), mul(dy1, s))], 3);
});

const op = defineOp<In, "cos" | "sin", Record<string, never>>(rotaryForward, {
  saves: ["cos", "sin"],
  gradient: (dy, { cos, sin }) => ({ x: () => first(rotaryBackward({ dy, cos, sin }, {})) }),
});

/**
 * Rotates the pairs of each head by their position's angles.
 * @returns [B, H, T, K]
 * @throws ShapeError when cos or sin is not [B or 1, T, K/2]
 */
export function rotary(x_BHTK: Tensor, cos_BTC: Tensor, sin_BTC: Tensor): Tensor {
  const { B, T, K } = dims("rotary: x", x_BHTK, "B H T K");
  const rows = cos_BTC.shape[0] === 1 ? 1 : B;
  dims("rotary: cos", cos_BTC, "B T C", { B: rows, T, C: K / 2 });
  dims("rotary: sin", sin_BTC, "B T C", { B: rows, T, C: K / 2 });
  return op({ x: x_BHTK, cos: cos_BTC, sin: sin_BTC }, {});
}
