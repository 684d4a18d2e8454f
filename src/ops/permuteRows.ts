/**
 * permuteRows: y[m] = x[order[m]], rows in another order
 *
 * x [M, D], order and its inverse int32 [M] → y [M, D]. A gather whose gradient is a gather too, dx[i] = dy[inverse[i]], because
 * every row is taken once: the general one of TensorFlow.js scatters, which its wasm backend cannot do. Tokens on their
 * way to their experts and back.
 */

import { dims } from "../dims.ts";
import { gather, int32, type Tensor, tidy } from "../tensor.ts";
import { defineKernel, defineOp, first } from "./op.ts";

type In = "x" | "order" | "inverse";

export const permuteRowsForward = defineKernel<In>("PermuteRows", ({ x, order }) => gather(x, order, 0), [
  "order",
  "inverse",
]);

/** From y[m] = x[order[m]]: dx[i] = dy[inverse[i]]. */
export const permuteRowsBackward = defineKernel<"dy" | "inverse">(
  "PermuteRowsBackward",
  ({ dy, inverse }) => gather(dy, inverse, 0),
  ["inverse"],
);

const op = defineOp<In, "order" | "inverse", Record<string, never>>(permuteRowsForward, {
  // The gradient needs the inverse only, a tangent the order.
  saves: ["order", "inverse"],
  gradient: (dy, { inverse }) => ({ x: () => first(permuteRowsBackward({ dy, inverse }, {})) }),
});

/**
 * Rows of x in the given order.
 * @param order every number from 0 to M − 1 once
 * @throws ShapeError when x is not [M, D]
 * @throws RangeError when `order` is no permutation
 */
export function permuteRows(x_MD: Tensor, order: readonly number[]): Tensor {
  dims("permuteRows: x", x_MD, "M D", { M: order.length });
  const inverse = inverseOf(order);
  return tidy(() => op({ x: x_MD, order: int32(order), inverse: int32(inverse) }, {}));
}

/** The permutation that undoes another. */
export function inverseOf(order: readonly number[]): number[] {
  const inverse = new Array<number>(order.length).fill(-1);
  for (const [m, i] of order.entries()) inverse[i] = m;
  if (inverse.length === order.length && !inverse.includes(-1)) return inverse;
  throw new RangeError(`permuteRows: expected every row from 0 to ${order.length - 1} once, received [${order}]`);
}
