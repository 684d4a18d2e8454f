/** Comparing a tensor with expected numbers: shape and type first, then every number, and the worst one is named. */

import { expect } from "vitest";
import type { DataType, Tensor } from "../../src/tensor.ts";

export interface Numbers {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

export interface Tolerance {
  /** Allowed error as a share of the largest finite magnitude that is expected. */
  readonly ratio: number;
  /** An error that is allowed whatever is expected; 0 unless there is a reason. */
  readonly floor?: number;
}

/**
 * Why `received` is not `expected`, or null when it is. NaN equals only NaN, and an infinity only itself.
 * The ratio in the message is the error over the largest expected magnitude: what `Tolerance.ratio` limits.
 */
export function mismatch(received: Numbers, expected: Numbers, { ratio, floor = 0 }: Tolerance): string | null {
  if (received.shape.join() !== expected.shape.join()) {
    return `shape: expected [${expected.shape.join(", ")}], received [${received.shape.join(", ")}]`;
  }
  const size = expected.shape.reduce((product, n) => product * n, 1);
  for (const [what, { values }] of Object.entries({ received, expected })) {
    if (values.length !== size) return `size: the shape has ${size} numbers, ${what} has ${values.length}`;
  }
  let largest = 0;
  for (let i = 0; i < size; i++) {
    const value = Math.abs(expected.values[i] ?? NaN);
    if (Number.isFinite(value) && value > largest) largest = value;
  }
  let [worst, worstError] = [-1, Math.max(ratio * largest, floor)];
  for (let i = 0; i < size; i++) {
    const error = distance(received.values[i] ?? NaN, expected.values[i] ?? NaN);
    if (error > worstError) [worst, worstError] = [i, error];
  }
  if (worst < 0) return null;
  const [is, wanted] = [received.values[worst], expected.values[worst]];
  return (
    `at [${indexOf(worst, expected.shape).join(", ")}]: expected ${wanted}, received ${is}; ` +
    `ratio ${(worstError / largest).toExponential(1)}, allowed ${ratio.toExponential(1)}, floor ${floor}`
  );
}

/** 0 for equal ones, infinite when exactly one is NaN or they are not the same infinity. */
function distance(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0;
  const error = Math.abs(a - b);
  return Number.isNaN(error) ? Infinity : error;
}

function indexOf(position: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = position;
  for (const size of [...shape].reverse()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}

/** Fails the test unless the tensor has the type, the shape and, within the tolerance, the numbers expected. */
export function expectTensor(
  tensor: Tensor,
  expected: Numbers,
  tolerance: Tolerance,
  what = "",
  dtype: DataType = "float32",
): void {
  expect(tensor.dtype, `${what} dtype`).toBe(dtype);
  expect(mismatch({ shape: tensor.shape, values: tensor.dataSync() }, expected, tolerance), what).toBeNull();
}

/** Single precision rounds to within this share of a number: 2⁻²⁴. */
export const ROUNDING = 2 ** -24;
