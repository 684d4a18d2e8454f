/**
 * rotary position embedding (Su et al. 2021, arXiv 2104.09864), on pairs (i, i + R/2) of the first R numbers of a head,
 * as Llama lays them out, or on pairs (2i, 2i + 1), as the paper and GPT-J do:
 *
 *   y₁ = x₁ cos − x₂ sin
 *   y₂ = x₂ cos + x₁ sin
 *
 * x [B, H, T, K], R ≤ K of it turned (partial rotary positions), the rest as it is; cos, sin [B or 1, T, R/2],
 * angles = position · frequency.
 */

import { dims } from "../dims.ts";
import { ShapeError } from "../errors.ts";
import { add, concat, expandDims, mul, reshape, split, sub, type Tensor, tidy, transpose } from "../tensor.ts";
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
 * @param interleaved pairs are neighbours, (2i, 2i + 1), instead of halves, (i, i + R/2)
 * @returns [B, H, T, K]
 * @throws ShapeError when cos or sin is not [B or 1, T, R/2] with R ≤ K
 */
export function rotary(
  x_BHTK: Tensor,
  cos_BTC: Tensor,
  sin_BTC: Tensor,
  { interleaved = false }: { readonly interleaved?: boolean } = {},
): Tensor {
  const { B, T, K } = dims("rotary: x", x_BHTK, "B H T K");
  const rows = cos_BTC.shape[0] === 1 ? 1 : B;
  const { C } = dims("rotary: cos", cos_BTC, "B T C", { B: rows, T });
  dims("rotary: sin", sin_BTC, "B T C", { B: rows, T, C });
  if (2 * C > K) throw new ShapeError(`rotary: expected at most K/2 = ${K / 2} angles for a position, received ${C}`);
  const turn = (x: Tensor): Tensor => {
    if (!interleaved) return op({ x, cos: cos_BTC, sin: sin_BTC }, {});
    return halvesToPairs(op({ x: pairsToHalves(x), cos: cos_BTC, sin: sin_BTC }, {}));
  };
  return tidy(() => {
    if (2 * C === K) return turn(x_BHTK);
    const [turned, rest] = split(x_BHTK, [2 * C, K - 2 * C], 3) as [Tensor, Tensor];
    return concat([turn(turned), rest], 3);
  });
}

/** [x₁ y₁ x₂ y₂ ...] → [x₁ x₂ ... y₁ y₂ ...] along the last axis. */
const pairsToHalves = (x: Tensor): Tensor => swapped(x, [(x.shape[3] ?? 0) / 2, 2]);

/** The inverse. */
const halvesToPairs = (x: Tensor): Tensor => swapped(x, [2, (x.shape[3] ?? 0) / 2]);

/** The last axis as a matrix of this size, transposed. */
function swapped(x: Tensor, matrix: readonly [number, number]): Tensor {
  return reshape(transpose(reshape(x, [-1, ...matrix]), [0, 2, 1]), x.shape);
}
