/** Sums, products and reductions with TensorFlow.js's broadcasting (kernels/cpu/elementwise.cc, reduce.cc). */

import { broadcast, stridesWithin } from "./broadcast.ts";
import { integers } from "./compare.ts";
import { input, type Kernel, type KernelCall, type Rows, readRows, unitOf, writeRows } from "./kernel.ts";
import { type Info, type KernelBackend, type Numbers, sizeOf } from "./kernelBackend.ts";

export const add: Kernel = (call) => binary(call, 0);
export const sub: Kernel = (call) => binary(call, 1);
export const multiply: Kernel = (call) => binary(call, 2);
export const realDiv: Kernel = (call) => binary(call, 3);
export const maximum: Kernel = (call) => binary(call, 4);
export const minimum: Kernel = (call) => binary(call, 5);
export const pow: Kernel = (call) => binary(call, 6);
export const squaredDifference: Kernel = (call) => binary(call, 7);

/** Of int32 numbers only what needs no rounding: +, −, ·, and the larger or smaller of two. */
const OF_INTEGERS: readonly number[] = [0, 1, 2, 4, 5];

function binary(call: KernelCall, operation: number): Info | Info[] {
  const { backend } = call;
  const a = input(call, "a");
  const b = input(call, "b");
  if (a.dtype === "int32" && b.dtype === "int32" && OF_INTEGERS.includes(operation)) {
    return integers(call, operation, "int32");
  }
  const shape = broadcast(a.shape, b.shape);
  if (a.dtype !== "float32" || b.dtype !== "float32" || shape === undefined) return call.inherited();
  const { arrays, rows, sizes } = operands(backend, a, b, shape);
  const y = backend.array(sizeOf(sizes));
  const strides = [a, b].map(({ shape: own }) => stridesWithin(own, shape));
  const [left, right] = strides as [BigInt64Array, BigInt64Array];
  const axes = BigInt64Array.from(sizes, BigInt);
  if (y.length > 0) backend.call("binary", ...arrays, operation, shape.length, axes, left, right, y);
  return writeRows(backend, shape, y, rows, unitOf(shape));
}

interface Operands {
  readonly arrays: readonly [Numbers, Numbers];
  readonly rows: Rows;
  /** The result's shape; along the first axis only what is computed. */
  readonly sizes: readonly number[];
}

/** An operand that repeats along the first axis can stay as it is if the other one does likewise, or has no such axis. */
function operands(backend: KernelBackend, a: Info, b: Info, shape: readonly number[]): Operands {
  const leading = [a, b].filter((info) => info.shape.length === shape.length && info.shape[0] === shape[0]);
  const others = [a, b].filter((info) => !leading.includes(info));
  const rows = readRows(
    backend,
    leading,
    leading.map((info) => unitOf(info.shape)),
  );
  if (rows.times === 1) return { arrays: [backend.floats(a), backend.floats(b)], rows, sizes: shape };
  const arrayOf = (info: Info): Numbers =>
    (others.includes(info) ? backend.floats(info) : rows.arrays[leading.indexOf(info)]) as Numbers;
  const stored = (rows.arrays[0]?.length ?? 0) / unitOf(leading[0]?.shape ?? []);
  return { arrays: [arrayOf(a), arrayOf(b)], rows, sizes: [stored, ...shape.slice(1)] };
}

export const sum: Kernel = (call) => reduce(call, 0, call.attrs.axis);
export const mean: Kernel = (call) => reduce(call, 1, call.attrs.axis);
export const max: Kernel = (call) => reduce(call, 2, call.attrs.reductionIndices);
export const min: Kernel = (call) => reduce(call, 3, call.attrs.axis);

function reduce(call: KernelCall, reduction: number, given: unknown): Info | Info[] {
  const { backend, attrs } = call;
  const x = input(call, "x");
  const rank = x.shape.length;
  const listed = given === undefined || given === null ? x.shape.map((_, axis) => axis) : [given].flat();
  const axes = [...new Set(listed.map((axis) => (Number(axis) + rank) % rank))].sort((p, q) => p - q);
  const [first = 0] = axes;
  const last = axes.at(-1) ?? -1;
  const contiguous = axes.length > 0 && last - first === axes.length - 1;
  const numbers = sizeOf(x.shape);
  if (x.dtype !== "float32" || !contiguous || numbers === 0) return call.inherited();
  const before = x.shape.slice(0, first);
  const after = x.shape.slice(last + 1);
  const kept = attrs.keepDims === true ? axes.map(() => 1) : [];
  const { info, y } = backend.output([...before, ...kept, ...after]);
  const N = sizeOf(x.shape.slice(first, last + 1));
  backend.call("reduce", backend.floats(x), reduction, sizeOf(before), N, sizeOf(after), y);
  return info;
}
