/** TensorFlow.js's broadcasting: axes are aligned at the last one, and an axis of size 1 is shared. */

/** At most so many axes go into a C function. */
export const MAX_RANK = 6;

/** The shape of the result; undefined where the shapes do not fit, or have too many axes. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  if (rank > MAX_RANK) return undefined;
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return undefined;
    shape.push(left === 1 ? right : left);
  }
  return shape;
}

/** Numbers between neighbours along each axis of the result; 0 where the operand is shared. */
export function stridesWithin(own: readonly number[], shape: readonly number[]): BigInt64Array {
  const strides = new BigInt64Array(shape.length);
  const shift = shape.length - own.length;
  let stride = 1;
  for (let axis = own.length - 1; axis >= 0; axis--) {
    const size = own[axis] ?? 1;
    strides[axis + shift] = size === 1 ? 0n : BigInt(stride);
    stride *= size;
  }
  return strides;
}
