/** What a kernel is given, and how it reads tensors whose numbers repeat. */

import type { Info, KernelBackend, Numbers, Repetition } from "./kernelBackend.ts";

export interface KernelCall {
  readonly inputs: Readonly<Record<string, Info>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly backend: KernelBackend;
  /** TensorFlow.js's own kernel, for what ours does not do; it also finds the words for what is wrong. */
  readonly inherited: () => Info | Info[];
}

export type Kernel = (call: KernelCall) => Info | Info[];

/** A named input. */
export function input(call: KernelCall, name: string): Info {
  const info = call.inputs[name];
  if (info === undefined) throw new RangeError(`a kernel expected an input "${name}"`);
  return info;
}

/**
 * Tensors read row by row together: row r of the flat tensors is row ⌊r / rows / times⌋ · rows + r mod rows of the stored
 * ones, and all have the same `times` and `rows`.
 */
export interface Rows {
  readonly arrays: readonly Numbers[];
  readonly times: number;
  /** Rows of a block. */
  readonly rows: number;
}

/**
 * The stored rows of tensors that repeat in the same way; all rows (times = 1) where they do not.
 * @param units numbers of a row of each tensor
 */
export function readRows(backend: KernelBackend, infos: readonly Info[], units: readonly number[]): Rows {
  const repetitions = infos.map((info) => backend.repetition(info));
  const times = Math.min(...repetitions.map((repetition) => repetition?.times ?? 1));
  const rows = (repetitions[0]?.block ?? 0) / (units[0] ?? 1);
  const alike = repetitions.every(
    (repetition, i) =>
      repetition !== undefined &&
      repetition.times % times === 0 &&
      Number.isInteger(rows) &&
      repetition.block === rows * (units[i] ?? 0),
  );
  if (times > 1 && alike) {
    const arrays = infos.map((info, i) => storedFor(backend, info, repetitions[i], times));
    return { arrays, times, rows };
  }
  const arrays = infos.map((info) => backend.dense(info));
  return { arrays, times: 1, rows: (arrays[0]?.length ?? 0) / Math.max(1, units[0] ?? 1) };
}

/** Blocks that repeat more often than `times` are stored several times. */
function storedFor(backend: KernelBackend, info: Info, own: Repetition | undefined, times: number): Numbers {
  const stored = backend.stored(info);
  if (own === undefined || own.times === times) return stored;
  return backend.repeated(stored, { times: own.times / times, block: own.block });
}

/** The one array of `readRows` for one float32 tensor. */
export function readOne(backend: KernelBackend, info: Info, unit: number): { x: Numbers; rows: Rows } {
  const rows = readRows(backend, [info], [unit]);
  return { x: rows.arrays[0] as Numbers, rows };
}

/** All numbers of a tensor of any numeric type, for C functions that move them or know their type. */
export function words(backend: KernelBackend, info: Info): Numbers {
  return info.dtype === "bool" ? backend.integers(info) : backend.dense(info);
}

/** A new tensor, one stored row of `unit` numbers for each that was read. */
export function writeRows(
  backend: KernelBackend,
  shape: readonly number[],
  y: Numbers,
  { times, rows }: Rows,
  unit: number,
): Info {
  return backend.tensorOf(shape, y, times > 1 ? { times, block: rows * unit } : undefined);
}

/** The last axis. */
export const lastOf = (shape: readonly number[]): number => shape.at(-1) ?? 1;

/** Numbers of one entry of the first axis. */
export const unitOf = (shape: readonly number[]): number => shape.slice(1).reduce((size, axis) => size * axis, 1);
