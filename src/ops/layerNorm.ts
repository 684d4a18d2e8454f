/**
 * layerNorm (Ba, Kiros and Hinton 2016, arXiv 1607.06450), over the last axis D:
 *
 *   μ = mean(x), σ² = mean((x − μ)²), x̂ = (x − μ) / √(σ² + ε), y = x̂ · scale + bias
 *
 * x [..., D], scale [D], bias [D] → y [..., D].
 */

import { ShapeError } from "../errors.ts";
import { add, mean, mul, reshape, rsqrt, scalar, square, sub, sum, type Tensor } from "../tensor.ts";
import { defineKernel, defineOp, first } from "./op.ts";

interface Attrs {
  readonly epsilon: number;
}

/** x̂ and 1/√(σ² + ε). */
function normalize(x: Tensor, epsilon: number): { normalized: Tensor; inverseStd: Tensor } {
  const centered = sub(x, mean(x, -1, true));
  const inverseStd = rsqrt(add(mean(square(centered), -1, true), scalar(epsilon)));
  return { normalized: mul(centered, inverseStd), inverseStd };
}

export const layerNormForward = defineKernel<"x" | "scale" | "bias", Attrs>("LayerNorm", ({ x, scale, bias }, attrs) =>
  add(mul(normalize(x, attrs.epsilon).normalized, scale), bias),
);

/**
 * With g = dy · scale (from y = x̂ · scale + bias) and x̂ = (x − μ) / √(σ² + ε):
 *   dx = (g − mean(g) − x̂ · mean(g · x̂)) / √(σ² + ε)
 */
export const layerNormBackward = defineKernel<"dy" | "x" | "scale", Attrs>(
  "LayerNormBackward",
  ({ dy, x, scale }, attrs) => {
    const { normalized, inverseStd } = normalize(x, attrs.epsilon);
    const g = mul(dy, scale);
    const projection = mul(normalized, mean(mul(g, normalized), -1, true));
    return mul(sub(sub(g, mean(g, -1, true)), projection), inverseStd);
  },
);

const rowSum = (x: Tensor): Tensor => sum(reshape(x, [-1, x.shape.at(-1) ?? 1]), 0);

const op = defineOp<"x" | "scale" | "bias", "x" | "scale", Attrs>(layerNormForward, {
  saves: ["x", "scale"],
  gradient: (dy, { x, scale }, attrs) => ({
    x: () => first(layerNormBackward({ dy, x, scale }, attrs)),
    scale: () => rowSum(mul(dy, normalize(x, attrs.epsilon).normalized)),
    bias: () => rowSum(dy),
  }),
});

/**
 * Layer normalisation over the last axis.
 * @param epsilon added to the variance, > 0
 * @throws ShapeError when scale or bias is not [D]
 */
export function layerNorm(x: Tensor, scale_D: Tensor, bias_D: Tensor, epsilon: number): Tensor {
  const D = x.shape.at(-1);
  for (const [name, shape] of [
    ["scale", scale_D.shape],
    ["bias", bias_D.shape],
  ] as const) {
    if (shape.length !== 1 || shape[0] !== D) {
      throw new ShapeError(`layerNorm: expected ${name} of shape [${D}], received [${shape.join(", ")}]`);
    }
  }
  return op({ x, scale: scale_D, bias: bias_D }, { epsilon });
}
