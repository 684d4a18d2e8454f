/** Arithmetic of the rules that see an operation at two points (`multipliers.ts`). */

import { abs, add, div, greater, mul, scalar, type Tensor, where } from "../tensor.ts";

export const average = (a: Tensor, b: Tensor): Tensor => mul(scalar(0.5), add(a, b));

export const ones = (x: Tensor): Tensor => add(mul(x, scalar(0)), scalar(1));

/** dy / dx where |dx| is above `smallest`, and `otherwise` elsewhere; never divides by anything smaller. */
export function differenceQuotient(dy: Tensor, dx: Tensor, smallest: number, otherwise: Tensor): Tensor {
  const isLarge = greater(abs(dx), scalar(smallest));
  return where(isLarge, div(dy, where(isLarge, dx, ones(dx))), otherwise);
}
