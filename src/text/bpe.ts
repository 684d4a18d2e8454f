/**
 * Byte-pair encoding (Sennrich et al. 2016): start from characters, and join the pair of neighbours that was learned
 * earliest, the leftmost one first, until no pair is known.
 */

import { FileError, UnsupportedError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import { byteToken, utf8 } from "./bytes.ts";
import { asArray, asFlag, asOptionalString, asString, asVocabulary } from "./json.ts";
import type { PieceToken, SubwordModel } from "./subwordModel.ts";

/** Which pairs of tokens may be joined. */
export interface MergeTable {
  /** `pairKey(left, right)` → row of `ranks` and `ids`. */
  readonly rows: ReadonlyMap<number, number>;
  /** The lower, the earlier. */
  readonly ranks: readonly number[];
  /** The token that the pair becomes. */
  readonly ids: readonly number[];
}

/** A number for an ordered pair of token ids below 2^26. */
export function pairKey(left: number, right: number): number {
  return left * 2 ** 26 + right;
}

/**
 * Joins `symbols` by `table`. A symbol with a negative id is never joined.
 * Cost: O(n log n) for n symbols, so that a tokenizer which does not cut at spaces is no slower than others.
 */
export function mergePairs(symbols: readonly PieceToken[], table: MergeTable): readonly PieceToken[] {
  const count = symbols.length;
  const ids = Int32Array.from(symbols, (symbol) => symbol.id);
  const next = Int32Array.from(symbols, (_, at) => at + 1);
  const previous = Int32Array.from(symbols, (_, at) => at - 1);
  const joined = new Uint8Array(count);
  const queue: number[] = [];

  const rowAt = (left: number): number | undefined => {
    const right = next[left] as number;
    if (right >= count || (ids[left] as number) < 0 || (ids[right] as number) < 0) return undefined;
    return table.rows.get(pairKey(ids[left] as number, ids[right] as number));
  };
  const offer = (left: number) => {
    const row = left < 0 ? undefined : rowAt(left);
    if (row !== undefined) push(queue, (table.ranks[row] as number) * POSITIONS + left);
  };

  for (let at = 0; at + 1 < count; at++) offer(at);
  while (queue.length > 0) {
    const best = pop(queue);
    const left = best % POSITIONS;
    const row = joined[left] === 1 ? undefined : rowAt(left);
    if (row === undefined || table.ranks[row] !== Math.floor(best / POSITIONS)) continue;
    const right = next[left] as number;
    const after = next[right] as number;
    ids[left] = table.ids[row] as number;
    joined[right] = 1;
    next[left] = after;
    if (after < count) previous[after] = left;
    offer(previous[left] as number);
    offer(left);
  }

  const tokens: PieceToken[] = [];
  for (let at = 0; at < count; at = next[at] as number) {
    const end = symbols[(next[at] as number) - 1]?.end ?? 0;
    tokens.push({ id: ids[at] as number, start: symbols[at]?.start ?? 0, end });
  }
  return tokens;
}

/** Makes the model of a `tokenizer.json`. */
export function createBpe(config: JsonObject, where: string): SubwordModel {
  const tokenIds = asVocabulary(config.vocab, `${where}.vocab`);
  const continuingPrefix = asOptionalString(config.continuing_subword_prefix, where) ?? "";
  const endOfWordSuffix = asOptionalString(config.end_of_word_suffix, where) ?? "";
  const byteFallback = asFlag(config.byte_fallback, where, false);
  const fuseUnknown = asFlag(config.fuse_unk, where, false);
  const ignoreMerges = asFlag(config.ignore_merges, where, false);
  const unknownToken = asOptionalString(config.unk_token, where);
  const unknown = unknownToken === undefined ? undefined : tokenIds.get(unknownToken);
  if (config.dropout) {
    throw new UnsupportedError(
      `${where}.dropout: expected none, received ${JSON.stringify(config.dropout)}; tokens would be random`,
    );
  }
  const table = readMerges(asArray(config.merges, `${where}.merges`), tokenIds, continuingPrefix.length, where);

  /** Tokens of one character: its own, those of its bytes, the unknown one, or, where there is none, nothing. */
  const symbolsOf = (written: string, character: string, start: number): PieceToken[] => {
    const end = start + character.length;
    const own = tokenIds.get(written);
    if (own !== undefined) return [{ id: own, start, end }];
    const bytes = byteFallback ? Array.from(utf8(character), (byte) => tokenIds.get(byteToken(byte))) : [undefined];
    if (bytes.every((id) => id !== undefined)) return bytes.map((id) => ({ id, start, end }));
    return unknown === undefined ? [] : [{ id: unknown, start, end }];
  };

  const segment = (piece: string): readonly PieceToken[] => {
    const whole = ignoreMerges ? tokenIds.get(piece) : undefined;
    if (whole !== undefined) return [{ id: whole, start: 0, end: piece.length }];
    const symbols: PieceToken[] = [];
    let start = 0;
    for (const character of piece) {
      const end = start + character.length;
      const written = (start > 0 ? continuingPrefix : "") + character + (end === piece.length ? endOfWordSuffix : "");
      for (const symbol of symbolsOf(written, character, start)) {
        const last = symbols.at(-1);
        if (fuseUnknown && last !== undefined && last.id === unknown && symbol.id === unknown) {
          symbols[symbols.length - 1] = { ...last, end: symbol.end };
        } else {
          symbols.push(symbol);
        }
      }
      start = end;
    }
    return mergePairs(symbols, table);
  };
  return { tokenIds, segment, continuingPrefix, endOfWordSuffix };
}

/** Merges are `"l r"` or `["l", "r"]`, in the order in which they were learned. */
function readMerges(
  merges: readonly Json[],
  tokenIds: ReadonlyMap<string, number>,
  prefixLength: number,
  where: string,
): MergeTable {
  const rows = new Map<number, number>();
  const ids: number[] = [];
  merges.forEach((merge, rank) => {
    const [left, right, ...rest] =
      typeof merge === "string" ? merge.split(" ") : asArray(merge, `${where}.merges[${rank}]`);
    const first = asString(left, `${where}.merges[${rank}]`);
    const second = asString(right, `${where}.merges[${rank}]`);
    const leftId = tokenIds.get(first);
    const rightId = tokenIds.get(second);
    const id = tokenIds.get(first + second.slice(prefixLength));
    if (leftId === undefined || rightId === undefined || id === undefined || rest.length > 0) {
      throw new FileError(
        `${where}.merges[${rank}]: expected two tokens that make a third, all in the vocabulary, received ${JSON.stringify(merge)}; get the file again`,
      );
    }
    rows.set(pairKey(leftId, rightId), rank);
    ids.push(id);
  });
  return { rows, ranks: ids.map((_, rank) => rank), ids };
}

/** Ranks and positions share one number in the queue: rank · 2^24 + position. */
const POSITIONS = 2 ** 24;

/** Adds to a binary heap with the smallest number on top. */
function push(heap: number[], value: number): void {
  let at = heap.length;
  heap.push(value);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if ((heap[parent] as number) <= value) break;
    heap[at] = heap[parent] as number;
    at = parent;
  }
  heap[at] = value;
}

/** Takes the smallest number of a heap that is not empty. */
function pop(heap: number[]): number {
  const top = heap[0] as number;
  const last = heap.pop() as number;
  if (heap.length === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++;
    if ((heap[child] as number) >= last) break;
    heap[at] = heap[child] as number;
    at = child;
  }
  heap[at] = last;
  return top;
}
