/**
 * repeat: every row n times, y[k·n + j] = x[k]
 *
 * x [K, ...] → y [K·n, ...]. The engine asks for the gradient at y: as each of the n copies is used for another target,
 * one backward pass gives n gradients of what is, up to rounding, one forward pass (design: one forward, many gradients).
 * The definition is a plain tile; a backend of ours may keep one stored row for the n copies.
 */

import { ShapeError } from "../errors.ts";
import { backendName, expandDims, reshape, sum, type Tensor, tile } from "../tensor.ts";
import { defineKernel, defineOp, first } from "./op.ts";

interface Attrs {
  readonly times: number;
}

export const repeatForward = defineKernel<"x", Attrs>(
  "Repeat",
  ({ x }, { times }) => {
    const [K = 0, ...rest] = x.shape;
    return reshape(tile(expandDims(x, 1), [1, times, ...rest.map(() => 1)]), [K * times, ...rest]);
  },
  ["x"],
);

/** From y[k·n + j] = x[k]: dx[k] = Σ_j dy[k·n + j]. */
export const repeatBackward = defineKernel<"dy", Attrs>("RepeatBackward", ({ dy }, { times }) => {
  const [rows = 0, ...rest] = dy.shape;
  return sum(reshape(dy, [rows / times, times, ...rest]), 1);
});

const op = defineOp<"x", never, Attrs>(repeatForward, {
  saves: [],
  gradient: (dy, _saved, attrs) => ({ x: () => first(repeatBackward({ dy }, attrs)) }),
});

/**
 * Each row of x `times` times in a row.
 * @throws ShapeError when x has no rows to repeat: it needs one axis at least
 */
export function repeat(x: Tensor, times: number): Tensor {
  if (x.shape.length === 0) throw new ShapeError("repeat: expected a tensor with rows, received one number");
  return op({ x }, { times });
}

/** Whether the backend in use is one of ours, which store one row for all its copies, and compute on it once. */
export const sharesRepeats = (): boolean => ["native", "cuda"].includes(backendName());
