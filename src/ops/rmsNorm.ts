/**
 * rmsNorm (Zhang and Sennrich 2019, arXiv 1910.07467), over the last axis D:
 *
 *   x̂ = x / √(mean(x²) + ε), y = x̂ · scale
 *
 * x [..., D], scale [D] → y [..., D].
 */

import { ShapeError } from "../errors.ts";
import { add, mean, mul, reshape, rsqrt, scalar, square, sub, sum, type Tensor } from "../tensor.ts";
import { defineKernel, defineOp, first } from "./op.ts";

interface Attrs {
  readonly epsilon: number;
}

/** 1/√(mean(x²) + ε). */
const inverseRms = (x: Tensor, epsilon: number): Tensor => rsqrt(add(mean(square(x), -1, true), scalar(epsilon)));

export const rmsNormForward = defineKernel<"x" | "scale", Attrs>("RmsNorm", ({ x, scale }, { epsilon }) =>
  mul(mul(x, inverseRms(x, epsilon)), scale),
);

/**
 * With g = dy · scale (from y = x̂ · scale) and x̂ = x / √(mean(x²) + ε):
 *   dx = (g − x̂ · mean(g · x̂)) / √(mean(x²) + ε)
 */
export const rmsNormBackward = defineKernel<"dy" | "x" | "scale", Attrs>(
  "RmsNormBackward",
  ({ dy, x, scale }, { epsilon }) => {
    const inverse = inverseRms(x, epsilon);
    const normalized = mul(x, inverse);
    const g = mul(dy, scale);
    return mul(sub(g, mul(normalized, mean(mul(g, normalized), -1, true))), inverse);
  },
);

const op = defineOp<"x" | "scale", "x" | "scale", Attrs>(rmsNormForward, {
  saves: ["x", "scale"],
  gradient: (dy, { x, scale }, attrs) => ({
    x: () => first(rmsNormBackward({ dy, x, scale }, attrs)),
    scale: () => sum(reshape(mul(dy, mul(x, inverseRms(x, attrs.epsilon))), [-1, scale.size]), 0),
  }),
});

/**
 * Root-mean-square normalisation over the last axis.
 * @param epsilon added to the mean square, > 0
 * @throws ShapeError when scale is not [D]
 */
export function rmsNorm(x: Tensor, scale_D: Tensor, epsilon: number): Tensor {
  const D = x.shape.at(-1);
  if (scale_D.shape.length !== 1 || scale_D.shape[0] !== D) {
    throw new ShapeError(`rmsNorm: expected scale of shape [${D}], received [${scale_D.shape.join(", ")}]`);
  }
  return op({ x, scale: scale_D }, { epsilon });
}
