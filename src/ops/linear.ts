/**
 * linear: y = x W + b, or φ(x W + b) with an activation φ (activated.ts)
 *
 * x [..., I], W [I, O] (or [O, I] with `transposeKernel`, for a matrix that is also an embedding table), b [O] → y [..., O].
 * All leading axes of x are rows of one 2-D product, because batched products of TensorFlow.js have wrong gradients where
 * a weight is broadcast over the batch.
 *
 * TensorFlow.js's wasm product is ten times slower with its transposition flags (2 against 20 GFLOP/s), and transposing
 * a weight takes longer than multiplying a few rows by it. So x Wᵀ is computed as (W xᵀ)ᵀ.
 */

import { dims } from "../dims.ts";
import { ShapeError } from "../errors.ts";
import { add, matMul, reshape, sum, type Tensor, transpose } from "../tensor.ts";
import { activated, type Ending, ended } from "./activated.ts";
import type { Activation } from "./activation.ts";
import { defineKernel, defineOp, first } from "./op.ts";

interface Attrs {
  readonly transposeKernel: boolean;
  /** Many rows of x are zero, so that it is worth looking for them: a kernel may leave them out. */
  readonly skipZeroRows?: boolean;
}

type Inputs = { readonly x: Tensor; readonly kernel: Tensor; readonly bias: Tensor };

/** Rows of x: [..., I] → [M, I]. */
const rows = (x: Tensor): Tensor => reshape(x, [x.size / (x.shape.at(-1) ?? 1), x.shape.at(-1) ?? 1]);

/** a [M, I] times the transpose of a weight [O, I] → [M, O], without transposing the weight. */
const timesTransposed = (a: Tensor, weight: Tensor): Tensor => transpose(matMul(weight, transpose(a)));

export const linearForward = defineKernel<"x" | "kernel" | "bias", Attrs & Ending>(
  "Linear",
  ({ x, kernel, bias }, { transposeKernel, ...ending }) => {
    const product = transposeKernel ? timesTransposed(rows(x), kernel) : matMul(rows(x), kernel);
    const y = bias === undefined ? product : add(product, bias);
    return ended(reshape(y, [...x.shape.slice(0, -1), y.shape[1] ?? 1]), ending);
  },
);

/** dx = dy Wᵀ */
export const linearBackwardInput = defineKernel<"dy" | "kernel", Attrs>(
  "LinearBackwardInput",
  ({ dy, kernel }, { transposeKernel }) => {
    const dx = transposeKernel ? matMul(rows(dy), kernel) : timesTransposed(rows(dy), kernel);
    return reshape(dx, [...dy.shape.slice(0, -1), dx.shape[1] ?? 1]);
  },
);

/** dW = xᵀ dy */
export const linearBackwardKernel = defineKernel<"dy" | "x", Attrs>(
  "LinearBackwardKernel",
  ({ dy, x }, { transposeKernel }) =>
    transposeKernel ? matMul(transpose(rows(dy)), rows(x)) : matMul(transpose(rows(x)), rows(dy)),
);

const op = defineOp<"x" | "kernel" | "bias", "x" | "kernel", Attrs>(linearForward, {
  saves: ["x", "kernel"],
  gradient: (dy, { x, kernel }, attrs) => ({
    x: () => first(linearBackwardInput({ dy, kernel }, attrs)),
    kernel: () => first(linearBackwardKernel({ dy, x }, attrs)),
    bias: () => sum(rows(dy), 0),
  }),
});

export interface LinearOptions {
  readonly transposeKernel?: boolean;
  readonly activation?: Activation | undefined;
}

/**
 * x W + b over the last axis, or φ(x W + b) with an `activation`.
 * @param x [..., I]
 * @param kernel [I, O], or [O, I] with `transposeKernel`
 * @param bias [O], or undefined for none
 * @returns [..., O]
 * @throws ShapeError when x's last axis is not I, or the bias not [O]
 */
export function linear(
  x: Tensor,
  kernel: Tensor,
  bias?: Tensor,
  { transposeKernel = false, activation }: LinearOptions = {},
): Tensor {
  dims("linear: kernel", kernel, transposeKernel ? "O I" : "I O");
  const inputs = kernel.shape[transposeKernel ? 1 : 0];
  if (x.shape.at(-1) !== inputs) {
    throw new ShapeError(`linear: expected the last axis of x to be I=${inputs}, received [${x.shape.join(", ")}]`);
  }
  const outputs = kernel.shape[transposeKernel ? 0 : 1];
  if (bias !== undefined) dims("linear: bias", bias, "O", { O: outputs });
  const tensors = (bias === undefined ? { x, kernel } : { x, kernel, bias }) as Inputs;
  if (activation === undefined) return op(tensors, { transposeKernel });
  return activated(linearForward, op, tensors, { transposeKernel }, activation);
}
