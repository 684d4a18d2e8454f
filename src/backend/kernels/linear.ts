/** Linear layers with packed weights, and matrix products (kernels/cpu/linear.cc). */

import type { CompactAttrs } from "../../ops/compactLinear.ts";
import type { CompactFormat } from "../../ops/compactMatrix.ts";
import { activationOf, NO_ACTIVATION } from "./activation.ts";
import { input, type Kernel, type KernelCall, lastOf, readOne, writeRows } from "./kernel.ts";
import { type Info, type Numbers, sizeOf } from "./kernelBackend.ts";

/** y = φ(x W + b), and what comes before φ where it is asked for. */
export const linear: Kernel = (call) => {
  const { transposeKernel, skipZeroRows } = call.attrs;
  const how = { transposed: transposeKernel === true, backwards: false, skipZeroRows: skipZeroRows === true };
  return product(call, input(call, "x"), input(call, "kernel"), call.inputs.bias, how);
};

/** dx = dy Wᵀ: the same product with W the other way round. A cotangent has no numbers after its target's position. */
export const linearBackwardInput: Kernel = (call) => {
  const how = { transposed: call.attrs.transposeKernel !== true, backwards: true, skipZeroRows: true };
  return product(call, input(call, "dy"), input(call, "kernel"), undefined, how);
};

interface How {
  readonly transposed: boolean;
  readonly backwards: boolean;
  readonly skipZeroRows: boolean;
}

/** How a product ends: the last arguments of its C function, and the outputs made of them. */
function ending(
  call: KernelCall,
  length: number,
): { args: readonly [number, Numbers | null, Numbers]; outputs: Numbers[] } {
  const { backend, attrs } = call;
  const y = backend.array(length);
  if (attrs.activation === undefined) return { args: [NO_ACTIVATION, null, y], outputs: [y] };
  const before = attrs.givesBoth === true ? backend.array(length) : null;
  return { args: [activationOf(call), before, y], outputs: before === null ? [y] : [y, before] };
}

function product(
  call: KernelCall,
  x: Info,
  kernel: Info,
  bias: Info | undefined,
  { transposed, backwards, skipZeroRows }: How,
): Info[] {
  const { backend } = call;
  const I = lastOf(x.shape);
  const O = kernel.shape[transposed ? 0 : 1] ?? 0;
  const { x: numbers, rows } = readOne(backend, x, I);
  const M = I === 0 ? sizeOf(x.shape.slice(0, -1)) : numbers.length / I;
  const { args, outputs } = ending(call, M * O);
  // A tied table is also read row by row, so it stays as it is: its products use it the other way round.
  const isTable = transposed !== backwards;
  const packed = isTable || I * O === 0 ? 0 : backend.packed(kernel);
  const weights = packed === 0 ? backend.floats(kernel) : null;
  const biasNumbers = bias === undefined ? null : backend.floats(bias);
  const flags = [transposed ? 1 : 0, skipZeroRows ? 1 : 0] as const;
  backend.call("linear", numbers, weights, packed, biasNumbers, M, I, O, ...flags, ...args);
  return outputs.map((y) => writeRows(backend, [...x.shape.slice(0, -1), O], y, rows, O));
}

const formats: readonly CompactFormat[] = ["int8", "int4", "bfloat16"];

/** y = φ(x Ŵ + b), with Ŵ in fewer bits (kernels/cpu/compact.cc, kernels/cuda/compact.cu). */
export const compactLinear: Kernel = (call) => compactProduct(call, input(call, "x"), call.inputs.bias, false);

/** dx = dy Ŵᵀ */
export const compactLinearBackwardInput: Kernel = (call) => compactProduct(call, input(call, "dy"), undefined, true);

function compactProduct(call: KernelCall, x: Info, bias: Info | undefined, backwards: boolean): Info[] {
  const { backend } = call;
  const { format, I, O, skipZeroRows } = call.attrs as object as CompactAttrs;
  const [K, N] = backwards ? [O, I] : [I, O];
  const { x: numbers, rows } = readOne(backend, x, K);
  const M = numbers.length / K;
  const { args, outputs } = ending(call, M * N);
  const scales = input(call, "scales");
  const scaleNumbers = sizeOf(scales.shape) === 0 ? null : backend.floats(scales);
  const biasNumbers = bias === undefined ? null : backend.floats(bias);
  const matrix = [backend.integers(input(call, "words")), scaleNumbers, formats.indexOf(format)] as const;
  const flags = [backwards ? 1 : 0, backwards || skipZeroRows ? 1 : 0] as const;
  backend.call("compact_linear", numbers, ...matrix, biasNumbers, M, I, O, ...flags, ...args);
  return outputs.map((y) => writeRows(backend, [...x.shape.slice(0, -1), N], y, rows, N));
}

/** dW = xᵀ dy, or dyᵀ x where the kernel is transposed. */
export const linearBackwardKernel: Kernel = (call) => {
  const { backend, attrs } = call;
  const x = input(call, "x");
  const dy = input(call, "dy");
  const [left, right] = attrs.transposeKernel === true ? [dy, x] : [x, dy];
  const [I, O] = [lastOf(left.shape), lastOf(right.shape)];
  const M = sizeOf(left.shape.slice(0, -1));
  const { info, y: dW } = backend.output([I, O]);
  if (dW.length > 0) backend.call("matmul", backend.floats(left), backend.floats(right), 1, I, O, M, 0, 0, 1, 0, dW);
  return info;
};

/** TensorFlow.js's matMul: [..., M, K] × [..., K, N], one of the batches may be shared. */
export const batchMatMul: Kernel = (call) => {
  const { backend, attrs } = call;
  const a = input(call, "a");
  const b = input(call, "b");
  const batchA = sizeOf(a.shape.slice(0, -2));
  const batchB = sizeOf(b.shape.slice(0, -2));
  const matrices = a.shape.length > 1 && b.shape.length > 1;
  const shareable = batchA === batchB || batchA === 1 || batchB === 1;
  if (a.dtype !== "float32" || b.dtype !== "float32" || !shareable || !matrices) return call.inherited();
  const transposeA = attrs.transposeA === true;
  const transposeB = attrs.transposeB === true;
  const [rowsA = 1, columnsA = 1] = a.shape.slice(-2);
  const [rowsB = 1, columnsB = 1] = b.shape.slice(-2);
  const [M, K] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
  const [inner, N] = transposeB ? [columnsB, rowsB] : [rowsB, columnsB];
  if (inner !== K) return call.inherited();
  const B = batchA === 1 ? batchB : batchA;
  const batch = (batchA === 1 && batchB > 1 ? b : a).shape.slice(0, -2);
  // Where both have one matrix, the longer list of ones is the shape of the result.
  const leading = batchA === batchB && b.shape.length > a.shape.length ? b.shape.slice(0, -2) : batch;
  const { info, y } = backend.output([...leading, M, N]);
  const strides = [batchA === 1 ? 0 : M * K, batchB === 1 ? 0 : K * N] as const;
  const flags = [transposeA ? 1 : 0, transposeB ? 1 : 0] as const;
  backend.call("matmul", backend.floats(a), backend.floats(b), B, M, N, K, ...strides, ...flags, y);
  return info;
};
