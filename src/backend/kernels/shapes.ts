/** Transposing, cutting, joining, padding: numbers move and stay what they are (kernels/cpu/move.cc, pointwise.h). */

import { type Tensor, tensorflow } from "../../tensor.ts";
import { MAX_RANK } from "./broadcast.ts";
import { input, type Kernel, type KernelCall, readOne, unitOf, words, writeRows } from "./kernel.ts";
import { type Info, isNumeric, type KernelBackend, type Numbers, sizeOf } from "./kernelBackend.ts";
import { filled } from "./views.ts";

/** Numbers `strides` apart along each axis, from one place on. */
interface Walk {
  readonly numbers: Numbers;
  readonly from: number;
  readonly strides: readonly number[];
}

/** Copies as many numbers along each axis as `sizes` says from one walk to another. */
function copyStrided(backend: KernelBackend, sizes: readonly number[], x: Walk, y: Walk): void {
  if (sizeOf(sizes) === 0) return;
  const arrays = [sizes, x.strides, y.strides].map((list) => BigInt64Array.from(list, BigInt));
  const source = x.numbers.subarray(x.from);
  backend.call("strided_copy", source, sizes.length, ...arrays, y.numbers.subarray(y.from));
}

/** Numbers between neighbours along each axis of a dense tensor. */
function denseStrides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

/** A tensor whose numbers are found in x by walking with other strides. */
function rearranged(backend: KernelBackend, x: Info, shape: readonly number[], from: number, strides: number[]): Info {
  const dtype = isNumeric(x.dtype) ? x.dtype : "float32";
  const { info, y } = backend.output(shape, dtype);
  const target = { numbers: y, from: 0, strides: denseStrides(shape) };
  copyStrided(backend, shape, { numbers: words(backend, x), from, strides }, target);
  return info;
}

const fits = ({ dtype, shape }: Info): boolean => isNumeric(dtype) && shape.length <= MAX_RANK;

export const transpose: Kernel = (call) => {
  const { backend } = call;
  const info = input(call, "x");
  const perm = call.attrs.perm as number[];
  const rank = info.shape.length;
  if (!fits(info) || rank === 0) return call.inherited();
  const shape = perm.map((axis) => info.shape[axis] ?? 1);
  if (info.dtype !== "float32") {
    const strides = denseStrides(info.shape);
    const turned = perm.map((axis) => strides[axis] ?? 1);
    return rearranged(backend, info, shape, 0, turned);
  }
  // Rows that repeat stay as they are if the first axis stays the first.
  const unit = perm[0] === 0 ? unitOf(info.shape) : sizeOf(info.shape);
  const { x, rows } = readOne(backend, info, unit);
  const stored = perm[0] === 0 && unit > 0 ? x.length / unit : (info.shape[0] ?? 0);
  const y = backend.array(x.length);
  const sizes = BigInt64Array.from([stored, ...info.shape.slice(1)], BigInt);
  if (x.length > 0) backend.call("transpose", x, rank, sizes, BigInt64Array.from(perm, BigInt), y);
  return writeRows(backend, shape, y, rows, unit);
};

/** The entries from ≤ i < from + size along one axis of a float32 tensor. */
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
  const whole = sizes.every((size) => Number.isInteger(size) && size >= 0);
  if (!whole || sizes.reduce((total, size) => total + size, 0) !== length) return call.inherited();
  let from = 0;
  return sizes.map((size) => {
    const part = cut(call, info, axis, from, size);
    from += size;
    return part;
  });
};

/** One size may be −1: what is left. Sizes that do not fit come out as they are. */
function partSizes(given: unknown, length: number): number[] {
  if (!Array.isArray(given)) return Array.from({ length: Number(given) }, () => length / Number(given));
  if (given.indexOf(-1) !== given.lastIndexOf(-1)) return given;
  const known = given.reduce((total: number, size: number) => total + Math.max(0, size), 0);
  return given.map((size: number) => (size === -1 ? length - known : size));
}

const axisOf = (axis: unknown, { shape }: Info): number => (Number(axis ?? 0) + shape.length) % shape.length;

export const slice: Kernel = (call) => {
  const info = input(call, "x");
  const { begin: given, size } = call.attrs as Record<string, number | number[]>;
  const [begin, sizes] = tensorflow.slice_util.parseSliceParams(info as Tensor, given ?? 0, size) as [
    number[],
    number[],
  ];
  const inside = sizes.every((count, axis) => {
    const from = begin[axis] ?? 0;
    return from >= 0 && count >= 0 && from + count <= (info.shape[axis] ?? 0);
  });
  if (!fits(info) || !inside || sizeOf(info.shape) === 0) return call.inherited();
  const axes = sizes.flatMap((asked, axis) => (asked === info.shape[axis] ? [] : [axis]));
  const [axis = 0] = axes;
  if (info.dtype === "float32" && axes.length === 1) return cut(call, info, axis, begin[axis] ?? 0, sizes[axis] ?? 0);
  const strides = denseStrides(info.shape);
  const from = strides.reduce((place, stride, i) => place + stride * (begin[i] ?? 0), 0);
  return rearranged(call.backend, info, sizes, from, strides);
};

export const concat: Kernel = (call) => {
  const parts = Object.values(call.inputs);
  const [head] = parts;
  if (head === undefined || head.shape.length === 0) return call.inherited();
  return joined(call, parts, axisOf(call.attrs.axis, head)) ?? call.inherited();
};

/** Tensors of one shape behind each other along a new axis. */
export const pack: Kernel = (call) => {
  const axis = Number(call.attrs.axis);
  const parts = Object.values(call.inputs).map((part) => ({ ...part, shape: part.shape.toSpliced(axis, 0, 1) }));
  return joined(call, parts, axis) ?? call.inherited();
};

function joined({ backend }: KernelCall, parts: readonly Info[], axis: number): Info | undefined {
  const [head] = parts;
  if (head === undefined || !isNumeric(head.dtype)) return undefined;
  const alike = ({ shape, dtype }: Info): boolean =>
    dtype === head.dtype &&
    shape.length === head.shape.length &&
    shape.every((size, i) => i === axis || size === head.shape[i]);
  if (!parts.every(alike)) return undefined;
  const length = parts.reduce((total, { shape }) => total + (shape[axis] ?? 0), 0);
  const { info, y } = backend.output(head.shape.with(axis, length), head.dtype);
  const outer = sizeOf(head.shape.slice(0, axis));
  const inner = sizeOf(head.shape.slice(axis + 1));
  let from = 0;
  for (const part of parts) {
    const width = (part.shape[axis] ?? 0) * inner;
    const place = y.subarray(from * inner);
    if (width * outer > 0 && head.dtype === "float32") {
      backend.call("copy_rows", backend.floats(part), outer, width, width, length * inner, place);
    } else {
      const source = { numbers: words(backend, part), from: 0, strides: [width, 1] };
      copyStrided(backend, [outer, width], source, { numbers: place, from: 0, strides: [length * inner, 1] });
    }
    from += part.shape[axis] ?? 0;
  }
  return info;
}

export const pad: Kernel = (call) => {
  const { backend, attrs } = call;
  const info = input(call, "x");
  const paddings = attrs.paddings as [number, number][];
  if (!fits(info) || !isNumeric(info.dtype)) return call.inherited();
  const shape = info.shape.map((size, axis) => size + (paddings[axis]?.[0] ?? 0) + (paddings[axis]?.[1] ?? 0));
  const { info: result, y } = filled(backend, shape, Number(attrs.constantValue ?? 0), info.dtype);
  const strides = denseStrides(shape);
  const from = strides.reduce((place, stride, axis) => place + stride * (paddings[axis]?.[0] ?? 0), 0);
  const source = { numbers: words(backend, info), from: 0, strides: denseStrides(info.shape) };
  copyStrided(backend, info.shape, source, { numbers: y, from, strides });
  return result;
};

export const reverse: Kernel = (call) => {
  const info = input(call, "x");
  const dims = tensorflow.util.parseAxisParam(call.attrs.dims as number[], info.shape);
  if (!fits(info) || sizeOf(info.shape) === 0) return call.inherited();
  const strides = denseStrides(info.shape);
  const from = dims.reduce((place, axis) => place + (strides[axis] ?? 0) * ((info.shape[axis] ?? 1) - 1), 0);
  const turned = strides.map((stride, axis) => (dims.includes(axis) ? -stride : stride));
  return rearranged(call.backend, info, info.shape, from, turned);
};

/** x along each axis `reps` times in a row: a walk that stands still along an axis of its own for each repetition. */
export function tiled(backend: KernelBackend, info: Info, reps: readonly number[]): Info | undefined {
  const strides = denseStrides(info.shape);
  const walk = info.shape.flatMap((size, axis) => {
    const times = reps[axis] ?? 1;
    const own = { size, stride: strides[axis] ?? 1 };
    return times === 1 ? [own] : [{ size: times, stride: 0 }, own];
  });
  const kept = walk.filter(({ size }) => size !== 1);
  if (kept.length > MAX_RANK || !isNumeric(info.dtype)) return undefined;
  const shape = info.shape.map((size, axis) => size * (reps[axis] ?? 1));
  const { info: result, y } = backend.output(shape, info.dtype);
  const sizes = kept.map(({ size }) => size);
  const source = { numbers: words(backend, info), from: 0, strides: kept.map(({ stride }) => stride) };
  copyStrided(backend, sizes, source, { numbers: y, from: 0, strides: denseStrides(sizes) });
  return result;
}
