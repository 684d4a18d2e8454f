/**
 * The unigram language model (Kudo 2018): of all ways to write a text as tokens, the one with the largest sum of log
 * probabilities, found by the Viterbi algorithm. A character that no token covers costs ten more than the worst token.
 */

import { FileError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { byteToken, utf8 } from "./bytes.ts";
import { asArray, asFlag, asNumber, asString } from "./json.ts";
import type { PieceToken, SubwordModel } from "./subwordModel.ts";
import { characterWidth } from "./trackedText.ts";

/** What `bestPath` needs to know of a vocabulary. */
export interface UnigramTable {
  readonly tokenIds: ReadonlyMap<string, number>;
  readonly longest: LongestTokens;
  readonly unknownScore: number;
  score(id: number, length: number): number;
  /** Sums are rounded by this after each addition: `Math.fround` for a reference that computes in float32. */
  round(sum: number): number;
}

/** First UTF-16 unit of a token → the length of the longest token that starts with it. */
export type LongestTokens = ReadonlyMap<number, number>;

export function longestTokens(tokens: Iterable<string>): LongestTokens {
  const longest = new Map<number, number>();
  for (const token of tokens) {
    const first = token.charCodeAt(0);
    longest.set(first, Math.max(longest.get(first) ?? 0, token.length));
  }
  return longest;
}

/** The best tokens of a text; a character that no token covers is a token of its own, with id -1. */
export function bestPath(text: string, table: UnigramTable): readonly PieceToken[] {
  const best = new Float64Array(text.length + 1).fill(Number.NEGATIVE_INFINITY);
  const from = new Int32Array(text.length + 1);
  const ids = new Int32Array(text.length + 1);
  best[0] = 0;
  const offer = (start: number, end: number, id: number, score: number) => {
    const sum = table.round((best[start] as number) + score);
    if (sum <= (best[end] as number)) return;
    best[end] = sum;
    from[end] = start;
    ids[end] = id;
  };
  for (let start = 0; start < text.length; ) {
    const width = characterWidth(text, start);
    const limit = Math.min(text.length, start + (table.longest.get(text.charCodeAt(start)) ?? 0));
    let covered = false;
    for (let end = start + width; end <= limit; end += characterWidth(text, end)) {
      const id = table.tokenIds.get(text.slice(start, end));
      if (id === undefined) continue;
      offer(start, end, id, table.score(id, end - start));
      covered ||= end === start + width;
    }
    if (!covered) offer(start, start + width, -1, table.unknownScore);
    start += width;
  }

  const tokens: PieceToken[] = [];
  for (let end = text.length; end > 0; end = from[end] as number) {
    tokens.push({ id: ids[end] as number, start: from[end] as number, end });
  }
  return tokens.reverse();
}

/** Neighbours that `isUnknown` holds for become one. */
export function fuseUnknown<Token extends PieceToken>(
  tokens: readonly Token[],
  isUnknown: (token: Token) => boolean,
): Token[] {
  const fused: Token[] = [];
  for (const token of tokens) {
    const last = fused.at(-1);
    if (last !== undefined && isUnknown(last) && isUnknown(token))
      fused[fused.length - 1] = { ...last, end: token.end };
    else fused.push(token);
  }
  return fused;
}

/** Makes the model of a `tokenizer.json`. */
export function createUnigram(config: JsonObject, where: string): SubwordModel {
  const rows = asArray(config.vocab, `${where}.vocab`).map((row, id) => {
    const [token, score] = asArray(row, `${where}.vocab[${id}]`);
    return { token: asString(token, `${where}.vocab[${id}]`), score: asNumber(score, `${where}.vocab[${id}]`) };
  });
  const tokenIds = new Map(rows.map(({ token }, id) => [token, id]));
  const scores = Float64Array.from(rows, ({ score }) => score);
  const unknown = config.unk_id;
  if (unknown !== null && unknown !== undefined && (typeof unknown !== "number" || rows[unknown] === undefined)) {
    throw new FileError(
      `${where}.unk_id: expected an id below ${rows.length}, received ${JSON.stringify(unknown)}; get the file again`,
    );
  }
  const byteFallback = asFlag(config.byte_fallback, where, false);
  const table: UnigramTable = {
    tokenIds,
    longest: longestTokens(tokenIds.keys()),
    unknownScore: scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY,
    score: (id) => scores[id] as number,
    round: (sum) => sum,
  };

  const segment = (piece: string): readonly PieceToken[] =>
    fuseUnknown(bestPath(piece, table), ({ id }) => id < 0 || id === unknown).flatMap((token) => {
      if (token.id >= 0 && token.id !== unknown) return [token];
      const surface = piece.slice(token.start, token.end);
      const bytes = byteFallback ? Array.from(utf8(surface), (byte) => tokenIds.get(byteToken(byte))) : [undefined];
      if (bytes.every((id) => id !== undefined)) return bytes.map((id) => ({ ...token, id }));
      if (typeof unknown === "number") return [{ ...token, id: unknown }];
      throw new FileError(
        `${where}: expected an unk_id, because "${surface}" is not in the vocabulary; get the file again`,
      );
    });
  return { tokenIds, segment, continuingPrefix: "", endOfWordSuffix: "" };
}

/** Of SentencePiece and of the Rust library `tokenizers`. */
export const UNKNOWN_PENALTY = 10;
