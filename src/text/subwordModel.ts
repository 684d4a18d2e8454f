/** The `model` of a `tokenizer.json`: which tokens a piece of text consists of. */

import { FileError, UnsupportedError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { createBpe } from "./bpe.ts";
import { asNumber, asOptionalString, asString, asVocabulary } from "./json.ts";
import { createUnigram } from "./unigram.ts";

/** One token of a piece, and the piece's UTF-16 units `[start, end)` that it stands for. */
export interface PieceToken {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

export interface SubwordModel {
  readonly tokenIds: ReadonlyMap<string, number>;
  /** Tokens of a piece that is not empty. */
  segment(piece: string): readonly PieceToken[];
  /** How the vocabulary writes that a token continues a word (`##`) or ends one (`</w>`); empty where it does not. */
  readonly continuingPrefix: string;
  readonly endOfWordSuffix: string;
}

/**
 * Makes a model from its description.
 * @throws UnsupportedError naming a type that is not known, FileError for a vocabulary that contradicts itself.
 */
export function createSubwordModel(config: JsonObject, where = "model"): SubwordModel {
  const type = asOptionalString(config.type, `${where}.type`) ?? guessType(config);
  switch (type) {
    case "BPE":
      return createBpe(config, where);
    case "Unigram":
      return createUnigram(config, where);
    case "WordPiece":
      return createWordPiece(config, where);
    case "WordLevel":
      return createWordLevel(config, where);
    default:
      throw new UnsupportedError(
        `${where}: expected BPE, Unigram, WordPiece or WordLevel, received "${type}"; convert the tokenizer to one of them`,
      );
  }
}

/** Files written before 2021 do not say the type. */
function guessType(config: JsonObject): string {
  if (config.merges !== undefined) return "BPE";
  if (Array.isArray(config.vocab)) return "Unigram";
  return config.continuing_subword_prefix !== undefined ? "WordPiece" : "WordLevel";
}

/** Longest match from the left (Wu et al. 2016); a word that cannot be covered is one unknown token. */
function createWordPiece(config: JsonObject, where: string): SubwordModel {
  const tokenIds = asVocabulary(config.vocab, `${where}.vocab`);
  const unknown = unknownId(tokenIds, asString(config.unk_token, `${where}.unk_token`), where);
  const prefix = asOptionalString(config.continuing_subword_prefix, where) ?? "##";
  const maxCharacters = asNumber(config.max_input_chars_per_word ?? 100, where);

  const segment = (piece: string): readonly PieceToken[] => {
    const whole = [{ id: unknown, start: 0, end: piece.length }];
    const characters = Array.from(piece);
    if (characters.length > maxCharacters) return whole;
    const tokens: PieceToken[] = [];
    for (let first = 0, start = 0; first < characters.length; ) {
      const found = longestToken(tokenIds, characters, first, first > 0 ? prefix : "");
      if (found === undefined) return whole;
      const end = start + characters.slice(first, found.last).join("").length;
      tokens.push({ id: found.id, start, end });
      first = found.last;
      start = end;
    }
    return tokens;
  };
  return { tokenIds, segment, continuingPrefix: prefix, endOfWordSuffix: "" };
}

function longestToken(
  tokenIds: ReadonlyMap<string, number>,
  characters: readonly string[],
  first: number,
  prefix: string,
): { id: number; last: number } | undefined {
  for (let last = characters.length; last > first; last--) {
    const id = tokenIds.get(prefix + characters.slice(first, last).join(""));
    if (id !== undefined) return { id, last };
  }
  return undefined;
}

/** Whole pieces only. */
function createWordLevel(config: JsonObject, where: string): SubwordModel {
  const tokenIds = asVocabulary(config.vocab, `${where}.vocab`);
  const unknown = unknownId(tokenIds, asString(config.unk_token, `${where}.unk_token`), where);
  return {
    tokenIds,
    segment: (piece) => [{ id: tokenIds.get(piece) ?? unknown, start: 0, end: piece.length }],
    continuingPrefix: "",
    endOfWordSuffix: "",
  };
}

function unknownId(tokenIds: ReadonlyMap<string, number>, token: string, where: string): number {
  const id = tokenIds.get(token);
  if (id !== undefined) return id;
  throw new FileError(
    `${where}: expected the unknown token "${token}" in the vocabulary, which lacks it; get the file again`,
  );
}
