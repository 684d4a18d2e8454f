/** Strided views: element [i, j, …] of a tensor lies at i·strides[0] + j·strides[1] + … of its storage. */

import { elementCount, type Values } from "./dtype.ts";

/** How many elements of the storage a view reaches over, from its first to its last; 0 when it has none. */
export function spanOf(shape: readonly number[], strides: readonly number[]): number {
  if (shape.includes(0)) return 0;
  return 1 + shape.reduce((last, size, axis) => last + (size - 1) * (strides[axis] ?? 0), 0);
}

/** Whether the view's elements lie one after the other in row-major order. The stride of an axis of size 1 is idle. */
export function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.includes(0)) return true;
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1;
    if (size !== 1 && strides[axis] !== expected) return false;
    expected *= size;
  }
  return true;
}

/** The elements of a view in row-major order. `values` begins with the view's first element. */
export function gather(values: Values, shape: readonly number[], strides: readonly number[]): Values {
  const count = elementCount(shape);
  const result = values instanceof Float32Array ? new Float32Array(count) : new Int32Array(count);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < count; to++) {
    result[to] = values[from] ?? Number.NaN;
    // Count up the index like an odometer, the last axis fastest.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] ?? 0;
      const next = (index[axis] ?? 0) + 1;
      from += stride;
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next;
        break;
      }
      from -= next * stride;
      index[axis] = 0;
    }
  }
  return result;
}
