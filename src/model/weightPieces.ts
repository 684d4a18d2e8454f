/** Putting one of our weights together from checkpoint tensors: transposed, cut and joined along the last axis. */

import { FileError, NumericError } from "../errors.ts";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import type { Values } from "./checkpoint/dtype.ts";

/** What a checkpoint tensor contributes to a weight. */
export interface Piece {
  /** Names under which the checkpoint has the tensor: one, or several with the same values. */
  readonly names: readonly string[];
  /** Shape in the checkpoint. */
  readonly shape: readonly number[];
  readonly transpose: boolean;
  /** Which of the matrices along the first axis; undefined where the tensor is one. */
  readonly slice: number | undefined;
  /** Columns `[from, to)` of the last axis, after transposition. */
  readonly columns: readonly [from: number, to: number];
}

/** The shape of a weight made of `pieces`. */
export function weightShape(name: string, pieces: readonly Piece[]): readonly number[] {
  const [first, ...others] = pieces.map((piece) =>
    piece.transpose ? swapped(name, matrixOf(piece)) : matrixOf(piece),
  );
  if (first === undefined) throw new Error(`weight table: ${name} has no pieces`);
  const wanted = first.slice(0, -1);
  for (const other of others) {
    if (other.slice(0, -1).join() === wanted.join()) continue;
    throw new Error(
      `weight table: the pieces [${first.join(", ")}] and [${other.join(", ")}] of ${name} cannot be joined`,
    );
  }
  if (first.length === 0) return [];
  return [...wanted, pieces.reduce((sum, { columns: [from, to] }) => sum + to - from, 0)];
}

/**
 * The values of a weight made of `pieces`.
 * @throws NumericError for a value that is not finite; FileError when a tensor's copies differ.
 */
export async function readWeight(
  name: string,
  pieces: readonly Piece[],
  read: PieceReader,
): Promise<Float32Array<ArrayBuffer>> {
  const shape = weightShape(name, pieces);
  const width = shape.at(-1) ?? 1;
  const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const parts: { values: Float32Array<ArrayBuffer>; width: number; columns: readonly [number, number] }[] = [];
  for (const piece of pieces) {
    const whole = await read(piece);
    const [R = 1, C = 1] = matrixOf(piece);
    const stored = piece.slice === undefined ? whole : whole.slice(piece.slice * R * C, (piece.slice + 1) * R * C);
    const values = piece.transpose ? transposed(stored, R, C) : stored;
    parts.push({ values, width: (piece.transpose ? R : piece.shape.at(-1)) ?? 1, columns: piece.columns });
  }
  const [only] = parts;
  if (only !== undefined && parts.length === 1 && only.width === width) return only.values;
  const joined = new Float32Array(rows * width);
  let at = 0;
  for (const part of parts) {
    const [from, to] = part.columns;
    for (let row = 0; row < rows; row++) {
      joined.set(part.values.subarray(row * part.width + from, row * part.width + to), row * width + at);
    }
    at += to - from;
  }
  return joined;
}

/**
 * The transpose of a row-major [rows, columns] matrix. It goes through square blocks that fit the first-level cache, so
 * that neither the reads nor the writes jump a whole row at every step.
 */
export function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(rows * columns);
  const block = 32;
  for (let top = 0; top < rows; top += block) {
    const bottom = Math.min(top + block, rows);
    for (let left = 0; left < columns; left += block) {
      const right = Math.min(left + block, columns);
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) {
          result[column * rows + row] = matrix[row * columns + column] ?? Number.NaN;
        }
      }
    }
  }
  return result;
}

/** The finite values of a piece's whole tensor. */
export type PieceReader = (piece: Piece) => Promise<Float32Array<ArrayBuffer>>;

/**
 * Reads tensors one at a time. One that becomes several weights (fused projections, all experts in one tensor) is kept until
 * another is read, so that it is read and checked once.
 */
export function pieceReader(checkpoint: Checkpoint, pieces: readonly Piece[]): PieceReader {
  const uses = new Map<string, number>();
  const keyOf = ({ names }: Piece) => names[0] ?? "";
  for (const piece of pieces) uses.set(keyOf(piece), (uses.get(keyOf(piece)) ?? 0) + 1);
  const kept: { key: string; values: Float32Array<ArrayBuffer> }[] = [];
  return async (piece) => {
    const key = keyOf(piece);
    if (kept[0]?.key === key) return kept[0].values;
    kept.pop();
    const values = await readChecked(piece, checkpoint);
    if ((uses.get(key) ?? 0) > 1) kept.push({ key, values });
    return values;
  };
}

async function readChecked(piece: Piece, checkpoint: Checkpoint): Promise<Float32Array<ArrayBuffer>> {
  const [name = "", ...copies] = piece.names;
  const values = await checkpoint.read(name);
  if (!(values instanceof Float32Array)) throw new Error(`${name}: not a floating-point tensor`);
  checkFinite(`${checkpoint.description}: ${name}`, values, piece.shape);
  for (const copy of copies) {
    const different = firstDifference(values, await checkpoint.read(copy));
    if (different === undefined) continue;
    throw new FileError(
      `${checkpoint.description}: expected ${name} and ${copy} to be the same tensor, ` +
        `but they differ at index ${different}; the config says that they are tied`,
    );
  }
  return values;
}

function checkFinite(what: string, values: Float32Array, shape: readonly number[]): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (Number.isFinite(value)) continue;
    throw new NumericError(
      `${what}: expected finite numbers, received ${value} at index [${coordinates(i, shape).join(", ")}]; ` +
        "the checkpoint is damaged or its training diverged",
    );
  }
}

function firstDifference(a: Values, b: Values): number | undefined {
  const index = a.findIndex((value, i) => value !== b[i]);
  if (index >= 0) return index;
  return a.length === b.length ? undefined : a.length;
}

/** The index along each axis of element `flat` of a row-major tensor. */
function coordinates(flat: number, shape: readonly number[]): number[] {
  let rest = flat;
  return shape
    .toReversed()
    .map((size) => {
      const index = rest % size;
      rest = Math.floor(rest / size);
      return index;
    })
    .reverse();
}

/** The shape that a piece reads: of one matrix, where the tensor holds several. */
function matrixOf({ shape, slice }: Piece): readonly number[] {
  return slice === undefined ? shape : shape.slice(1);
}

function swapped(name: string, shape: readonly number[]): readonly number[] {
  if (shape.length === 2) return shape.toReversed();
  throw new Error(`weight table: ${name} can be transposed only as a matrix, but its shape is [${shape.join(", ")}]`);
}
