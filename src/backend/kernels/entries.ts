/** Table rows, chosen entries, and rows that repeat (kernels/cpu/entries.cc, move.cc). */

import { input, type Kernel, lastOf, readOne, readRows, unitOf, words, writeRows } from "./kernel.ts";
import { type Info, isNumeric, type KernelBackend, sizeOf } from "./kernelBackend.ts";
import { tiled } from "./shapes.ts";

export const embedding: Kernel = (call) => {
  const { backend } = call;
  const table = input(call, "table");
  const ids = input(call, "ids");
  const [V = 0, D = 0] = table.shape;
  const rows = readRows(backend, [ids], [1]);
  const numbers = rows.arrays[0] as Int32Array;
  const y = backend.array(numbers.length * D);
  backend.call("embedding", backend.floats(table), numbers, numbers.length, V, D, y);
  return writeRows(backend, [...ids.shape, D], y, rows, D);
};

export const embeddingBackward: Kernel = (call) => {
  const { backend, attrs } = call;
  const dy = input(call, "dy");
  const ids = input(call, "ids");
  const D = lastOf(dy.shape);
  const V = Number(attrs.vocabSize);
  const { info, y: dTable } = backend.output([V, D]);
  const M = sizeOf(ids.shape);
  if (V * D > 0) backend.call("embedding_backward", backend.floats(dy), backend.integers(ids), M, V, D, dTable);
  return info;
};

export const select: Kernel = (call) => {
  const { backend } = call;
  const info = input(call, "x");
  const [B = 0, N = 0, ...rest] = info.shape;
  const D = sizeOf(rest);
  const { x, rows } = readOne(backend, info, N * D);
  const one = rows.times === 1 || rows.rows === 1;
  const index = backend.integers(input(call, "index"));
  const { info: result, y } = backend.output([B, ...rest]);
  if (y.length > 0) backend.call("select", one ? x : backend.floats(info), index, B, N, D, one ? rows.times : 1, y);
  return result;
};

export const selectBackward: Kernel = (call) => {
  const { backend, attrs } = call;
  const dy = input(call, "dy");
  const [B = 0, ...rest] = dy.shape;
  const N = Number(attrs.N);
  const index = backend.integers(input(call, "index"));
  const { info, y: dx } = backend.output([B, N, ...rest]);
  if (dx.length > 0) backend.call("select_backward", backend.floats(dy), index, B, N, sizeOf(rest), dx);
  return info;
};

/** Each row `times` times in a row: nothing is copied. */
export const repeat: Kernel = (call) => {
  const { backend, attrs } = call;
  const x = input(call, "x");
  const times = Number(attrs.times);
  const shape = [(x.shape[0] ?? 0) * times, ...x.shape.slice(1)];
  return sharing(call.backend, x, shape, times, unitOf(x.shape)) ?? backend.reshaped(x, shape);
};

/** dx[k] = Σ_j dy[k · times + j] */
export const repeatBackward: Kernel = (call) => {
  const { backend, attrs } = call;
  const dy = input(call, "dy");
  const times = Number(attrs.times);
  const [rows = 0, ...rest] = dy.shape;
  const { info, y: dx } = backend.output([rows / times, ...rest]);
  if (dx.length > 0) backend.call("reduce", backend.floats(dy), 0, rows / times, times, sizeOf(rest), dx);
  return info;
};

/** TensorFlow.js's tile; where it repeats the whole tensor along the first axis nothing is copied. */
export const tile: Kernel = (call) => {
  const { backend, attrs } = call;
  const x = input(call, "x");
  const [times = 1, ...others] = attrs.reps as number[];
  if (!isNumeric(x.dtype) || x.shape.length === 0) return call.inherited();
  const alongFirst = others.every((n) => n === 1);
  const shape = [(x.shape[0] ?? 0) * times, ...x.shape.slice(1)];
  const shared = alongFirst ? sharing(backend, x, shape, times, sizeOf(x.shape)) : undefined;
  return shared ?? tiled(backend, x, [times, ...others]) ?? call.inherited();
};

/** x's numbers in blocks, each `times` times in a row; undefined where there is nothing to repeat. */
function sharing(
  backend: KernelBackend,
  x: Info,
  shape: readonly number[],
  times: number,
  block: number,
): Info | undefined {
  if (times <= 1 || block === 0 || x.shape[0] === 0) return undefined;
  return backend.repeatedTensor(x, shape, { times, block });
}

/** Entries of x along one axis: y[o, m, i] = x[o, indices[m], i]. */
export const gather: Kernel = (call) => {
  const { backend, attrs } = call;
  const x = input(call, "x");
  const indices = input(call, "indices");
  const axis = (Number(attrs.axis) + x.shape.length) % Math.max(1, x.shape.length);
  if (!isNumeric(x.dtype) || attrs.batchDims || indices.dtype !== "int32") return call.inherited();
  const [outer, N, inner] = [sizeOf(x.shape.slice(0, axis)), x.shape[axis] ?? 0, sizeOf(x.shape.slice(axis + 1))];
  const { info, y } = backend.output(x.shape.toSpliced(axis, 1, ...indices.shape), x.dtype);
  const M = sizeOf(indices.shape);
  if (y.length > 0) backend.call("gather", words(backend, x), backend.integers(indices), outer, N, inner, M, y);
  return info;
};
