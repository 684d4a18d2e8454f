/**
 * SentencePiece (Kudo and Richardson 2018) as its own library does it, for tokenizers that run the model itself
 * (MarianMT): normalisation by the longest match in the character map, then the unigram model or byte-pair encoding.
 */

import { UnsupportedError } from "../errors.ts";
import { type MergeTable, mergePairs, pairKey } from "./bpe.ts";
import { byteOfToken, byteToken, decodeLossy, utf8 } from "./bytes.ts";
import { readCharsMap } from "./charsMap.ts";
import type { Piece, SentencePieceFile } from "./sentencePieceFile.ts";
import type { Span } from "./span.ts";
import type { PieceToken } from "./subwordModel.ts";
import { characterWidth, type Edit, origin, rewrite, type TrackedText } from "./trackedText.ts";
import { bestPath, fuseUnknown, longestTokens, UNKNOWN_PENALTY, type UnigramTable } from "./unigram.ts";

export interface SentencePiece {
  /** The pieces of a text. An unknown stretch is one piece: its own characters, which are in no vocabulary. */
  encode(text: TrackedText): SurfacePiece[];
  decode(pieces: readonly string[]): string;
}

export interface SurfacePiece {
  readonly text: string;
  readonly span: Span;
}

/** @throws UnsupportedError for word and character models, and for byte-pair encoding with pieces out of use. */
export function createSentencePiece(file: SentencePieceFile, where: string): SentencePiece {
  const normalize = createNormalizer(file);
  const segment = createSegmenter(file, where);
  const types = new Map(file.pieces.map((piece) => [piece.text, piece.type]));
  const isUnknown = (surface: string) => (types.get(surface) ?? "unknown") === "unknown";

  return {
    encode(text) {
      const normalized = normalize(text);
      const surface = ({ start, end }: PieceToken) => normalized.text.slice(start, end);
      const tokens = segment(normalized.text);
      if (file.byteFallback) {
        return tokens.flatMap((token) => {
          const span = origin(normalized, token.start, token.end);
          if (!isUnknown(surface(token))) return [{ text: surface(token), span }];
          return Array.from(utf8(surface(token)), (byte) => ({ text: byteToken(byte), span }));
        });
      }
      return fuseUnknown(tokens, (token) => token.id < 0 && isUnknown(surface(token))).map((token) => ({
        text: surface(token),
        span: origin(normalized, token.start, token.end),
      }));
    },
    decode: (pieces) => decodePieces(pieces, file, types),
  };
}

/** Space in a piece. */
const SPACE = "▁";

function createNormalizer(file: SentencePieceFile): (text: TrackedText) => TrackedText {
  const charsMap = file.charsMap.length > 0 ? readCharsMap(file.charsMap) : undefined;
  const userDefined = longestMatcher(file.pieces.filter((piece) => piece.type === "userDefined"));
  const space = file.escapeSpaces ? SPACE : " ";

  const applyCharsMap = (source: TrackedText): TrackedText => {
    const { text } = source;
    const bytes = utf8(text);
    const edits: Edit[] = [];
    for (let at = 0, byte = 0; at < text.length; ) {
      const kept = userDefined(text, at);
      const found = kept === 0 ? charsMap?.longest(bytes, byte) : undefined;
      const byteEnd = byte + (found?.length ?? (kept > 0 ? utf8(text.slice(at, at + kept)).length : 1));
      const start = at;
      do {
        byte += utf8Width(text.codePointAt(at) ?? 0);
        at += characterWidth(text, at);
      } while (byte < byteEnd);
      if (found !== undefined) edits.push({ start, end: at, content: found.content });
    }
    return rewrite(source, edits);
  };

  return (source) => {
    const mapped = applyCharsMap(source);
    const { text } = mapped;
    const last = text.replace(/[ \u2581]+$/, "").length;
    const edits: Edit[] = [];
    for (const { 0: spaces, index } of text.matchAll(/ +/g)) {
      const end = index + spaces.length;
      if (!file.removeExtraSpaces) edits.push({ start: index, end, content: space.repeat(spaces.length) });
      else if (index > 0 && index < last) edits.push({ start: index, end, content: space });
      else edits.push({ start: index, end, content: "" });
    }
    const spaced = rewrite(mapped, edits);
    const trimmed = file.removeExtraSpaces ? withoutTrailing(spaced, space) : spaced;
    if (source.text.length === 0 || !file.addDummyPrefix) return trimmed;
    // A text of spaces is empty; one of other characters that vanish still gets its space, which is then trimmed if first.
    const vanished = trimmed.text.length === 0 && file.removeExtraSpaces;
    if (vanished && (text.length > 0 || !file.spaceAsSuffix)) return trimmed;
    const place = file.spaceAsSuffix ? trimmed.text.length : 0;
    return rewrite(trimmed, [{ start: place, end: place, content: space }]);
  };
}

function withoutTrailing(source: TrackedText, space: string): TrackedText {
  let end = source.text.length;
  while (end > 0 && source.text[end - 1] === space) end--;
  return end === source.text.length ? source : rewrite(source, [{ start: end, end: source.text.length, content: "" }]);
}

function utf8Width(codePoint: number): number {
  return codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
}

/** A function that gives the length of the longest of the pieces that stands at a place, or 0. */
function longestMatcher(pieces: readonly Piece[]): (text: string, at: number) => number {
  const texts = pieces.map((piece) => piece.text).sort((a, b) => b.length - a.length);
  return (text, at) => texts.find((candidate) => text.startsWith(candidate, at))?.length ?? 0;
}

type Segmenter = (text: string) => readonly PieceToken[];

function createSegmenter(file: SentencePieceFile, where: string): Segmenter {
  switch (file.algorithm) {
    case "unigram":
      return unigramSegmenter(file.pieces);
    case "bpe":
      return bpeSegmenter(file.pieces, where);
    case "word":
    case "char":
      throw new UnsupportedError(
        `${where}: expected a unigram or BPE model, received a ${file.algorithm} model; train one of those`,
      );
    default:
      return file.algorithm satisfies never;
  }
}

/** Sums are float32, as in SentencePiece: with another precision, ties between segmentations could fall otherwise. */
function unigramSegmenter(pieces: readonly Piece[]): Segmenter {
  const used = pieces.flatMap(({ text, type }, id) =>
    type === "normal" || type === "userDefined" ? [{ text, id }] : [],
  );
  const scores = pieces.filter(({ type }) => type === "normal").map(({ score }) => score);
  // SentencePiece takes the maximum from the smallest positive float upwards, which for log probabilities means 0.
  const highest = scores.reduce((best, score) => Math.max(best, score), 0);
  const lowest = scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY);
  const table: UnigramTable = {
    tokenIds: new Map(used.map(({ text, id }) => [text, id])),
    longest: longestTokens(used.map(({ text }) => text)),
    unknownScore: Math.fround(lowest - UNKNOWN_PENALTY),
    score(id) {
      const piece = pieces[id];
      if (piece === undefined) return 0;
      // A user-defined symbol wins over nearly anything: its score is the best score for each of its bytes.
      return piece.type === "userDefined" ? utf8(piece.text).length * highest - 0.1 : piece.score;
    },
    round: Math.fround,
  };
  return (text) => bestPath(text, table);
}

/** The pair whose joined piece has the best score comes first. Characters without a piece can be joined too. */
function bpeSegmenter(pieces: readonly Piece[], where: string): Segmenter {
  if (pieces.some((piece) => piece.type === "unused")) {
    throw new UnsupportedError(
      `${where}: expected a BPE model whose pieces are all in use, received one with unused pieces; train it without vocabulary restriction`,
    );
  }
  const learned = pieces.filter((piece) => piece.type === "normal");
  const ids = new Map<string, number>();
  const idOf = (text: string) => {
    const id = ids.get(text) ?? ids.size;
    ids.set(text, id);
    return id;
  };
  for (const piece of learned) idOf(piece.text);
  for (const piece of learned) for (const character of piece.text) idOf(character);
  const scores = [...new Set(learned.map((piece) => piece.score))].sort((a, b) => b - a);
  const rankOfScore = new Map(scores.map((score, rank) => [score, rank]));

  const rows = new Map<number, number>();
  const table: { ranks: number[]; ids: number[] } = { ranks: [], ids: [] };
  for (const { text, score } of learned) {
    for (let cut = characterWidth(text, 0); cut < text.length; cut += characterWidth(text, cut)) {
      const left = ids.get(text.slice(0, cut));
      const right = ids.get(text.slice(cut));
      if (left === undefined || right === undefined) continue;
      rows.set(pairKey(left, right), table.ids.length);
      table.ranks.push(rankOfScore.get(score) ?? 0);
      table.ids.push(idOf(text));
    }
  }
  const merges: MergeTable = { rows, ...table };
  const userDefined = longestMatcher(pieces.filter((piece) => piece.type === "userDefined"));
  const known = new Map(pieces.map((piece) => [piece.text, 0]));
  return (text) => {
    const symbols: PieceToken[] = [];
    for (let start = 0; start < text.length; ) {
      const fixed = userDefined(text, start);
      const end = start + (fixed > 0 ? fixed : characterWidth(text, start));
      symbols.push({ id: fixed > 0 ? -1 : (ids.get(text.slice(start, end)) ?? -1), start, end });
      start = end;
    }
    return mergePairs(symbols, merges).map((token) => ({
      ...token,
      id: known.get(text.slice(token.start, token.end)) ?? -1,
    }));
  };
}

function decodePieces(
  pieces: readonly string[],
  file: SentencePieceFile,
  types: ReadonlyMap<string, Piece["type"]>,
): string {
  let text = "";
  let bytes: number[] = [];
  let atStart = true;
  let spaceDropped = false;
  const endBytes = () => {
    text += decodeLossy(bytes, "\uFFFD");
    bytes = [];
  };
  for (const piece of pieces) {
    const type = types.get(piece);
    const byte = type === "byte" ? byteOfToken(piece) : undefined;
    if (byte !== undefined) {
      bytes.push(byte);
      continue;
    }
    endBytes();
    if (spaceDropped || text.length > 0) atStart = false;
    spaceDropped = false;
    if (type === "control") continue;
    if (type === "unknown") text += file.unknownSurface;
    else if (type === undefined) text += piece;
    else if (atStart && (file.addDummyPrefix || file.removeExtraSpaces) && piece.startsWith(SPACE)) {
      text += piece.slice(SPACE.length).replaceAll(SPACE, " ");
      spaceDropped = !file.removeExtraSpaces;
    } else text += piece.replaceAll(SPACE, " ");
  }
  endBytes();
  return text;
}
