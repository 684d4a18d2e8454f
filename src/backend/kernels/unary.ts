/** Element-wise operations of one tensor, and conversions between types (kernels/library/pointwise.h). */

import { input, type Kernel, readOne, writeRows } from "./kernel.ts";
import { type Info, isNumeric, type KernelBackend } from "./kernelBackend.ts";

/** y = f(x), by the C function that knows f and its number there. */
function map(name: "unary" | "activation", number: number): Kernel {
  return (call) => {
    const { backend } = call;
    const info = input(call, "x");
    if (info.dtype !== "float32") return call.inherited();
    const { x, rows } = readOne(backend, info, 1);
    const y = backend.array(x.length);
    if (x.length > 0) backend.call(name, x, x.length, number, y);
    return writeRows(backend, info.shape, y, rows, 1);
  };
}

const unary = (operation: number): Kernel => map("unary", operation);
/** Those that are activations of layers, too. */
const activation = (number: number): Kernel => map("activation", number);

const step = unary(3);

export const unaryKernels = {
  Neg: unary(0),
  Abs: unary(1),
  Sign: unary(2),
  /** A slope on the negative side is left to TensorFlow.js. */
  Step: (call) => (call.attrs.alpha ? call.inherited() : step(call)),
  Floor: unary(4),
  Ceil: unary(5),
  Round: unary(6),
  Exp: unary(7),
  Expm1: unary(8),
  Log: unary(9),
  Log1p: unary(10),
  Sqrt: unary(11),
  Rsqrt: unary(12),
  Square: unary(13),
  Reciprocal: unary(14),
  Sin: unary(15),
  Cos: unary(16),
  Erf: unary(17),
  Relu: activation(1),
  Tanh: activation(2),
  Sigmoid: activation(3),
  Cast: cast,
} as const satisfies Readonly<Record<string, Kernel>>;

function cast(call: Parameters<Kernel>[0]): Info | Info[] {
  const { backend } = call;
  const x = input(call, "x");
  const to = call.attrs.dtype as Info["dtype"];
  if (!isNumeric(x.dtype) || !isNumeric(to)) return call.inherited();
  if (x.dtype === to) return backend.reshaped(x, x.shape);
  if (x.dtype === "float32") return converted(backend, x, to, "to_integer", [to === "bool" ? 1 : 0]);
  if (to === "float32") return converted(backend, x, to, "to_float", []);
  // Between int32 and bool: true is whatever is not zero, and true is 1.
  const real = converted(backend, x, "float32", "to_float", []);
  const result = converted(backend, real, to, "to_integer", [to === "bool" ? 1 : 0]);
  backend.disposeData(real.dataId);
  return result;
}

function converted(
  backend: KernelBackend,
  info: Info,
  to: "float32" | "int32" | "bool",
  kernel: string,
  options: readonly number[],
): Info {
  const words = info.dtype === "bool" ? { ...info, dtype: "int32" as const } : info;
  const { x, rows } = readOne(backend, words, 1);
  const y = backend.array(x.length, to);
  if (x.length > 0) backend.call(kernel, x, x.length, ...options, y);
  return backend.tensorOf(info.shape, y, rows.times > 1 ? { times: rows.times, block: rows.rows } : undefined, to);
}
