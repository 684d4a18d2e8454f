/** The same numbers under another shape, and tensors of one number again and again: no arithmetic. */

import { input, type Kernel } from "./kernel.ts";
import { type Info, isNumeric, type KernelBackend, type Numbers, type NumericDtype, sizeOf } from "./kernelBackend.ts";

const identity: Kernel = (call) => {
  const x = input(call, "x");
  return isNumeric(x.dtype) ? call.backend.reshaped(x, x.shape) : call.inherited();
};

/** One size may be −1: what is left. */
const reshape: Kernel = (call) => {
  const x = input(call, "x");
  const asked = call.attrs.shape as number[];
  const known = sizeOf(asked.filter((size) => size !== -1));
  const shape = asked.map((size) => (size === -1 ? sizeOf(x.shape) / known : size));
  if (!isNumeric(x.dtype) || sizeOf(shape) !== sizeOf(x.shape)) return call.inherited();
  return call.backend.reshaped(x, shape);
};

const expandDims: Kernel = (call) => {
  const x = input(call, "input");
  const dim = Number(call.attrs.dim);
  const rank = x.shape.length;
  if (!isNumeric(x.dtype) || dim < -rank - 1 || dim > rank) return call.inherited();
  return call.backend.reshaped(x, x.shape.toSpliced(dim < 0 ? rank + dim + 1 : dim, 0, 1));
};

/** One number is stored, and copied from with a stride of zero. */
export function filled(
  backend: KernelBackend,
  shape: readonly number[],
  value: number,
  dtype: NumericDtype,
): { info: Info; y: Numbers } {
  const output = backend.output(shape, dtype);
  const { length } = output.y;
  if (length === 0) return output;
  const one = backend.constant([], dtype === "float32" ? Float32Array.of(value) : Int32Array.of(value), dtype);
  const strides = [length, 0, 1].map((number) => BigInt64Array.of(BigInt(number)));
  const number = dtype === "float32" ? backend.floats(one) : backend.integers(one);
  backend.call("strided_copy", number, 1, ...strides, output.y);
  backend.disposeData(one.dataId);
  return output;
}

const like =
  (value: number): Kernel =>
  (call) => {
    const { shape, dtype } = input(call, "x");
    return isNumeric(dtype) ? filled(call.backend, shape, value, dtype).info : call.inherited();
  };

const fill: Kernel = (call) => {
  const { shape, value, dtype } = call.attrs;
  const type = (dtype ?? (typeof value === "boolean" ? "bool" : "float32")) as Info["dtype"];
  if (typeof value === "string" || !isNumeric(type)) return call.inherited();
  return filled(call.backend, shape as number[], Number(value), type).info;
};

export const viewKernels: Readonly<Record<string, Kernel>> = {
  ExpandDims: expandDims,
  Fill: fill,
  Identity: identity,
  OnesLike: like(1),
  Reshape: reshape,
  ZerosLike: like(0),
};
