/** Comparisons, logic and choices with TensorFlow.js's broadcasting (kernels/library/pointwise.h). Results are 0 or 1. */

import { broadcast, stridesWithin } from "./broadcast.ts";
import { input, type Kernel, type KernelCall, unitOf, words } from "./kernel.ts";
import { type Info, isNumeric, type NumericDtype } from "./kernelBackend.ts";

const compare =
  (comparison: number): Kernel =>
  (call) => {
    const a = input(call, "a");
    const b = input(call, "b");
    if (a.dtype !== b.dtype || !isNumeric(a.dtype)) return call.inherited();
    return pair(call, a, b, "bool", a.dtype === "float32" ? "compare" : "compare_int32", comparison);
  };

/** Operations on int32 numbers, and on booleans as 0 and 1, by the numbers of `binary`. */
export const integers = (call: KernelCall, operation: number, dtype: NumericDtype): Info | Info[] =>
  pair(call, input(call, "a"), input(call, "b"), dtype, "binary_int32", operation);

const logic =
  (operation: number): Kernel =>
  (call) =>
    integers(call, operation, "bool");

function pair(
  call: KernelCall,
  a: Info,
  b: Info,
  dtype: NumericDtype,
  kernel: string,
  operation: number,
): Info | Info[] {
  const { backend } = call;
  const axes = broadcast(a.shape, b.shape);
  if (axes === undefined) return call.inherited();
  const { info, y } = backend.output(axes, dtype);
  const strides = [stridesWithin(a.shape, axes), stridesWithin(b.shape, axes)] as const;
  const sizes = BigInt64Array.from(axes, BigInt);
  if (y.length > 0) {
    backend.call(kernel, words(backend, a), words(backend, b), operation, axes.length, sizes, ...strides, y);
  }
  return info;
}

/** Not x: x = 0. */
const logicalNot: Kernel = (call) => {
  const { backend } = call;
  const x = input(call, "x");
  const zero = backend.constant([], Int32Array.of(0), "bool");
  const result = pair(call, x, zero, "bool", "compare_int32", EQUAL);
  backend.disposeData(zero.dataId);
  return result;
};

/** y = a where the condition holds, else b: the condition has their shape, or is one number for each row. */
const select: Kernel = (call) => {
  const { backend } = call;
  const [condition, a, b] = [input(call, "condition"), input(call, "t"), input(call, "e")];
  if (a.dtype !== b.dtype || !isNumeric(a.dtype)) return call.inherited();
  const { info, y } = backend.output(a.shape, a.dtype);
  const perRow = condition.shape.length === 1 && a.shape.length > 1;
  if (y.length > 0) {
    const chosen = [condition, a, b].map((tensor) => words(backend, tensor));
    backend.call("where", ...chosen, y.length, perRow ? unitOf(a.shape) : 1, y);
  }
  return info;
};

const EQUAL = 0;

export const compareKernels: Readonly<Record<string, Kernel>> = {
  Equal: compare(EQUAL),
  NotEqual: compare(1),
  Less: compare(2),
  LessEqual: compare(3),
  Greater: compare(4),
  GreaterEqual: compare(5),
  LogicalAnd: logic(5),
  LogicalOr: logic(4),
  LogicalNot: logicalNot,
  Select: select,
};
