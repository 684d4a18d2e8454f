/**
 * Weight tables: which checkpoint tensor becomes which of our weights.
 *
 * An architecture declares one row per checkpoint tensor:
 *
 *     const weightTable = ({ layers, width: D, inner: F, vocabSize: V }: Config): WeightTable => ({
 *       counts: { i: layers },
 *       prefixes: ["transformer."],
 *       rows: {
 *         "wte.weight": { to: "tokens.embedding", shape: [V, D], copies: ["lm_head.weight"] },
 *         "h.{i}.attn.c_attn.weight": { to: "blocks.{i}.attention.qkv.kernel", shape: [D, 3 * D] },
 *         "h.{i}.mlp.up.weight": { to: "blocks.{i}.mlp.up.kernel", shape: [F, D], transpose: true },
 *       },
 *       ignored: ["h.{i}.attn.bias"],
 *     });
 *
 * and reads one weight at a time, so that memory holds one:
 *
 *     const weights = matchWeights(weightTable(config), await openCheckpoint(files));
 *     for (const name of weights.names) layer(name).set(await weights.read(name), weights.shape(name));
 */

import { FileError } from "../errors.ts";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import { dtypes } from "./checkpoint/dtype.ts";
import { type Piece, pieceReader, readWeight, weightShape } from "./weightPieces.ts";

export interface WeightRow {
  /**
   * Our name for it. `{ name: width, ... }` splits the last axis (after `transpose`) into several weights of ours.
   * Rows that give the same name are joined along the last axis, in the order of the table.
   */
  readonly to: string | { readonly [name: string]: number };
  /** Shape in the checkpoint. */
  readonly shape: readonly number[];
  /** Swaps the two axes of a matrix: PyTorch's linear layers store [out, in], ours [in, out]. */
  readonly transpose?: boolean;
  /**
   * The tensor holds several matrices, one after another along its first axis, which this letter counts: every one is a
   * row of its own, with the letter replaced in our names.
   */
  readonly slices?: string;
  /** With `slices`, whose `shape` is [E, R, C]: the checkpoint has a matrix [E·R, C] of the same numbers. */
  readonly flat?: boolean;
  /** May be absent. */
  readonly optional?: boolean;
  /**
   * Other names of the same tensor, such as those of tied embeddings. One of all names is enough; where several are
   * stored, they must hold the same values.
   */
  readonly copies?: readonly string[];
}

export interface WeightTable {
  /** How far a letter in braces counts: `{ i: 12 }` makes twelve rows of each row with `{i}`. */
  readonly counts?: { readonly [letter: string]: number };
  /** Beginnings that a checkpoint may or may not put before every name. */
  readonly prefixes?: readonly string[];
  readonly rows: { readonly [checkpointName: string]: WeightRow };
  /** Checkpoint tensors that are not weights (buffers). `{i}` stands for any number, `*` for anything. */
  readonly ignored?: readonly string[];
}

export interface WeightSource {
  /** Our names of all weights that the checkpoint has, in the order of the table. */
  readonly names: readonly string[];
  has(name: string): boolean;
  /** Shape after transposition, splitting and joining. */
  shape(name: string): readonly number[];
  /**
   * The values in row-major order.
   * @throws NumericError naming the first value that is not finite; FileError when copies of a tensor differ.
   */
  read(name: string): Promise<Float32Array<ArrayBuffer>>;
}

/**
 * Finds every row's tensor in the checkpoint. No values are read yet.
 * @throws FileError listing all tensors that are missing, have another shape or type, or are not expected.
 */
export function matchWeights(table: WeightTable, checkpoint: Checkpoint): WeightSource {
  const weights = new Map<string, Piece[]>();
  const incomplete = new Set<string>();
  const used = new Set<string>();
  const problems: string[] = [];
  const stored = new Set(checkpoint.names);
  for (const row of expandRows(table)) {
    const names = row.names.filter((name) => stored.has(name));
    for (const name of names) {
      used.add(name);
      const misfit = misfitOf(checkpoint, name, row.stored);
      if (misfit !== undefined) problems.push(misfit);
    }
    if (names.length === 0 && row.optional) for (const { name } of row.parts) incomplete.add(name);
    if (names.length === 0 && !row.optional) {
      problems.push(`missing ${row.names.join(" or ")} of shape [${row.stored.join(", ")}]`);
    }
    for (const { name, columns } of row.parts) {
      const piece = { names, shape: row.shape, transpose: row.transpose, columns, slice: row.slice };
      weights.set(name, [...(weights.get(name) ?? []), piece]);
    }
  }
  for (const name of incomplete) {
    const pieces = weights.get(name) ?? [];
    if (pieces.some((piece) => piece.names.length > 0)) problems.push(`only a part of ${name} is there`);
    weights.delete(name);
  }
  const ignored = ignoredPattern(table);
  for (const name of checkpoint.names) {
    if (!used.has(name) && !ignored.test(name)) {
      problems.push(`unexpected ${name} of shape [${checkpoint.info(name).shape.join(", ")}]`);
    }
  }
  if (problems.length > 0) throw mismatch(checkpoint, problems);
  return weightSource(weights, checkpoint);
}

function weightSource(weights: ReadonlyMap<string, readonly Piece[]>, checkpoint: Checkpoint): WeightSource {
  const find = (name: string): readonly Piece[] => {
    const pieces = weights.get(name);
    if (pieces !== undefined) return pieces;
    throw new FileError(`${checkpoint.description}: expected the weight ${name}, but the checkpoint does not have it`);
  };
  const reader = pieceReader(checkpoint, [...weights.values()].flat());
  return {
    names: [...weights.keys()],
    has: (name) => weights.has(name),
    shape: (name) => weightShape(name, find(name)),
    read: (name) => readWeight(name, find(name), reader),
  };
}

/** A row with its letters replaced by numbers. */
interface ExpandedRow {
  /** All names under which the checkpoint may have it. */
  readonly names: readonly string[];
  readonly shape: readonly number[];
  /** Shape in the checkpoint. */
  readonly stored: readonly number[];
  readonly transpose: boolean;
  readonly optional: boolean;
  /** Which matrix of the tensor, if it holds several. */
  readonly slice: number | undefined;
  readonly parts: readonly { readonly name: string; readonly columns: readonly [from: number, to: number] }[];
}

function expandRows({ rows, counts = {}, prefixes = [] }: WeightTable): ExpandedRow[] {
  return Object.entries(rows).flatMap(([pattern, row]) => {
    const { shape, transpose = false, optional = false, copies = [], slices, flat = false } = row;
    const [E = 1, R = 1, ...rest] = shape;
    const stored = flat ? [E * R, ...rest] : shape;
    const letters = slices === undefined ? pattern : `${pattern}{${slices}}`;
    return assignments(letters, counts).map((numbers) => {
      const bases = [pattern, ...copies].map((name) => fill(name, numbers));
      const names = bases.flatMap((base) => [...prefixes.map((prefix) => prefix + base), base]);
      const slice = slices === undefined ? undefined : numbers.get(slices);
      return { names, shape, stored, transpose, optional, slice, parts: partsOf(pattern, row, numbers) };
    });
  });
}

function partsOf(pattern: string, { to, shape, transpose }: WeightRow, numbers: ReadonlyMap<string, number>) {
  const width = (transpose ? shape.at(-2) : shape.at(-1)) ?? 1;
  if (typeof to === "string") return [{ name: fill(to, numbers), columns: [0, width] as const }];
  let end = 0;
  const parts = Object.entries(to).map(([name, size]) => {
    const from = end;
    end += size;
    return { name: fill(name, numbers), columns: [from, end] as const };
  });
  if (end !== width) throw new Error(`weight table: ${pattern} is ${width} wide, but its parts are ${end} together`);
  return parts;
}

/** All ways to give a number to the letters that `pattern` has in braces, the last letter counting fastest. */
function assignments(
  pattern: string,
  counts: { readonly [letter: string]: number },
): readonly ReadonlyMap<string, number>[] {
  const letters = new Set(Array.from(pattern.matchAll(/\{(\w+)\}/g), ([, letter]) => letter ?? ""));
  let all: ReadonlyMap<string, number>[] = [new Map()];
  for (const letter of letters) {
    const count = counts[letter];
    if (count === undefined)
      throw new Error(`weight table: ${pattern} counts {${letter}}, but counts does not have it`);
    all = all.flatMap((numbers) => Array.from({ length: count }, (_, i) => new Map([...numbers, [letter, i]])));
  }
  return all;
}

function fill(pattern: string, numbers: ReadonlyMap<string, number>): string {
  return pattern.replace(/\{(\w+)\}/g, (braces, letter: string) => String(numbers.get(letter) ?? braces));
}

function misfitOf(checkpoint: Checkpoint, name: string, shape: readonly number[]): string | undefined {
  const found = checkpoint.info(name);
  if (found.shape.join() !== shape.join()) {
    return `misshapen ${name}: expected [${shape.join(", ")}], received [${found.shape.join(", ")}]`;
  }
  if (dtypes[found.dtype].float) return undefined;
  return `mistyped ${name}: expected floating-point numbers, received ${found.dtype}`;
}

function ignoredPattern({ ignored = [], prefixes = [] }: WeightTable): RegExp {
  const quoted = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const bodies = ignored.map((pattern) =>
    quoted(pattern)
      .replace(/\\\{\w+\\\}/g, "\\d+")
      .replaceAll("\\*", ".*"),
  );
  return new RegExp(`^(${["", ...prefixes].map(quoted).join("|")})(${bodies.join("|") || "(?!)"})$`);
}

function mismatch(checkpoint: Checkpoint, problems: readonly string[]): FileError {
  const count = problems.length === 1 ? "1 tensor differs" : `${problems.length} tensors differ`;
  return new FileError(
    `${checkpoint.description}: expected the tensors that config.json describes, but ${count}; ` +
      `the checkpoint belongs to another config or architecture:\n${problems.map((line) => `  ${line}`).join("\n")}`,
  );
}
