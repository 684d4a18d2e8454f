/** Running sums, largest entries and their places (kernels/library/pointwise.h, kernels/cpu/order.cc). */

import { input, type Kernel, type KernelCall, lastOf } from "./kernel.ts";
import { type Info, sizeOf } from "./kernelBackend.ts";

/** [outer, N, inner]: the axes before, along and after one axis. */
function around(shape: readonly number[], axis: number): readonly [number, number, number] {
  const place = (axis + shape.length) % Math.max(1, shape.length);
  return [sizeOf(shape.slice(0, place)), shape[place] ?? 1, sizeOf(shape.slice(place + 1))];
}

const cumsum: Kernel = (call) => {
  const { backend, attrs } = call;
  const x = input(call, "x");
  if (x.dtype !== "float32" || x.shape.length === 0) return call.inherited();
  const { info, y } = backend.output(x.shape);
  const flags = [attrs.exclusive === true ? 1 : 0, attrs.reverse === true ? 1 : 0] as const;
  if (y.length > 0) backend.call("cumsum", backend.floats(x), ...around(x.shape, Number(attrs.axis)), ...flags, y);
  return info;
};

/** In descending order; of equal numbers the one that comes first, NaN before all. */
const topK: Kernel = (call) => {
  const { backend, attrs } = call;
  const x = input(call, "x");
  const K = Number(attrs.k);
  const N = lastOf(x.shape);
  if (x.dtype !== "float32" || K === 0 || sizeOf(x.shape) === 0) return call.inherited();
  const shape = x.shape.with(-1, K);
  const values = backend.output(shape);
  const indices = backend.output(shape, "int32");
  backend.call("top_k", backend.floats(x), sizeOf(x.shape) / N, N, K, values.y, indices.y);
  return [values.info, indices.info];
};

function extreme(call: KernelCall, smallest: number): Info | Info[] {
  const { backend, attrs } = call;
  const x = input(call, "x");
  const axis = Number([attrs.axis].flat()[0]);
  if (x.dtype !== "float32" || x.shape.length === 0 || sizeOf(x.shape) === 0) return call.inherited();
  const { info, y } = backend.output(x.shape.toSpliced(axis, 1), "int32");
  backend.call("arg_extreme", backend.floats(x), ...around(x.shape, axis), smallest, y);
  return info;
}

export const orderKernels: Readonly<Record<string, Kernel>> = {
  Cumsum: cumsum,
  TopK: topK,
  ArgMax: (call) => extreme(call, 0),
  ArgMin: (call) => extreme(call, 1),
};
