/** Transposing, cutting and joining (kernels/cpu/move.cc). */

import { input, type Kernel, type KernelCall, readOne, unitOf, writeRows } from "./kernel.ts";
import { type Info, sizeOf } from "./kernelBackend.ts";

const MAX_RANK = 6;

export const transpose: Kernel = (call) => {
  const { backend } = call;
  const info = input(call, "x");
  const perm = call.attrs.perm as number[];
  const rank = info.shape.length;
  if (info.dtype !== "float32" || rank === 0 || rank > MAX_RANK) return call.inherited();
  const shape = perm.map((axis) => info.shape[axis] ?? 1);
  // Rows that repeat stay as they are if the first axis stays the first.
  const unit = perm[0] === 0 ? unitOf(info.shape) : sizeOf(info.shape);
  const { x, rows } = readOne(backend, info, unit);
  const stored = perm[0] === 0 && unit > 0 ? x.length / unit : (info.shape[0] ?? 0);
  const y = backend.array(x.length);
  const sizes = BigInt64Array.from([stored, ...info.shape.slice(1)], BigInt);
  if (x.length > 0) backend.call("transpose", x, rank, sizes, BigInt64Array.from(perm, BigInt), y);
  return writeRows(backend, shape, y, rows, unit);
};

/** The entries from ≤ i < from + size along one axis. */
function cut(call: KernelCall, info: Info, axis: number, from: number, size: number): Info {
  const { backend } = call;
  const shape = info.shape.with(axis, size);
  const inner = sizeOf(info.shape.slice(axis + 1));
  const unit = axis === 0 ? sizeOf(info.shape) : unitOf(info.shape);
  const { x, rows } = axis === 0 ? { x: backend.floats(info), rows: undefined } : readOne(backend, info, unit);
  const length = info.shape[axis] ?? 0;
  const outer = length * inner === 0 ? 0 : x.length / (length * inner);
  const y = backend.array(outer * size * inner);
  const start = x.subarray(from * inner);
  if (y.length > 0) backend.call("copy_rows", start, outer, size * inner, length * inner, size * inner, y);
  return rows === undefined
    ? backend.tensorOf(shape, y)
    : writeRows(backend, shape, y, rows, unit === 0 ? 0 : (unit / length) * size);
}

export const splitV: Kernel = (call) => {
  const info = input(call, "x");
  const axis = axisOf(call.attrs.axis, info);
  const length = info.shape[axis] ?? 0;
  if (info.dtype !== "float32" || sizeOf(info.shape) === 0) return call.inherited();
  const sizes = partSizes(call.attrs.numOrSizeSplits, length);
  let from = 0;
  return sizes.map((size) => {
    const part = cut(call, info, axis, from, size);
    from += size;
    return part;
  });
};

/** One size may be −1: what is left. */
function partSizes(given: unknown, length: number): number[] {
  if (!Array.isArray(given)) return Array.from({ length: Number(given) }, () => length / Number(given));
  const known = given.reduce((total: number, size: number) => total + Math.max(0, size), 0);
  return given.map((size: number) => (size === -1 ? length - known : size));
}

const axisOf = (axis: unknown, { shape }: Info): number => (Number(axis ?? 0) + shape.length) % shape.length;

export const slice: Kernel = (call) => {
  const info = input(call, "x");
  const begin = call.attrs.begin as number[];
  const size = call.attrs.size as number[];
  const sizes = info.shape.map((length, axis) => {
    const asked = size[axis] ?? -1;
    return asked < 0 ? length - (begin[axis] ?? 0) : asked;
  });
  const axes = sizes.flatMap((asked, axis) => (asked === info.shape[axis] ? [] : [axis]));
  const [axis = 0] = axes;
  const from = begin[axis] ?? 0;
  const inside = from >= 0 && from + (sizes[axis] ?? 0) <= (info.shape[axis] ?? 0);
  if (info.dtype !== "float32" || axes.length !== 1 || !inside || sizeOf(info.shape) === 0) return call.inherited();
  return cut(call, info, axis, from, sizes[axis] ?? 0);
};

export const concat: Kernel = (call) => {
  const { backend } = call;
  const parts = Object.values(call.inputs);
  const [head] = parts;
  if (head === undefined || head.shape.length === 0 || parts.some(({ dtype }) => dtype !== "float32")) {
    return call.inherited();
  }
  const axis = axisOf(call.attrs.axis, head);
  const fits = ({ shape }: Info): boolean =>
    shape.length === head.shape.length && shape.every((size, i) => i === axis || size === head.shape[i]);
  if (!parts.every(fits)) return call.inherited();
  const length = parts.reduce((total, { shape }) => total + (shape[axis] ?? 0), 0);
  const { info, y } = backend.output(head.shape.with(axis, length));
  const outer = sizeOf(head.shape.slice(0, axis));
  const inner = sizeOf(head.shape.slice(axis + 1));
  let from = 0;
  for (const part of parts) {
    const width = (part.shape[axis] ?? 0) * inner;
    const place = y.subarray(from * inner);
    if (width * outer > 0) backend.call("copy_rows", backend.floats(part), outer, width, width, length * inner, place);
    from += part.shape[axis] ?? 0;
  }
  return info;
};
