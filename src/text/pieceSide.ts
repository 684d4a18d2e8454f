/**
 * A tokenizer's side that runs a SentencePiece model itself and takes the ids of its pieces from a `vocab.json` (MarianMT,
 * M2M-100): a piece that `vocab.json` lacks is the unknown token.
 */

import { FileError } from "../errors.ts";
import type { FileSource } from "../files.ts";
import { addedTokenSplitter } from "./addedTokens.ts";
import { asVocabulary, readJsonObject } from "./json.ts";
import type { Notation } from "./readable.ts";
import { type AddToken, encodeSections, type TextTokens } from "./sections.ts";
import { createSentencePiece, type SentencePiece } from "./sentencePiece.ts";
import { readSentencePieceFile } from "./sentencePieceFile.ts";
import type { TokenizerConfig } from "./tokenizerConfig.ts";
import { origin, slice, type TrackedText } from "./trackedText.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

export interface PieceSide {
  readonly pieces: SentencePiece;
  readonly vocabulary: Vocabulary;
  /** Ids of a text without special tokens around it. */
  encode(text: string): TextTokens;
}

export interface PieceSideFiles {
  readonly pieces: string;
  readonly vocabulary: string;
  /** Tokens whose ids follow those of `vocabulary`. */
  readonly following?: readonly string[];
  /** How many characters at the start of a stretch of text are one token: a language code of MarianMT. */
  readonly leading?: (text: string) => number;
}

/** @throws FileError when a file is missing or damaged, or when the vocabulary lacks the unknown or the end token. */
export async function loadPieceSide(
  files: FileSource,
  config: TokenizerConfig,
  { pieces: model, vocabulary: vocabularyFile, following = [], leading = () => 0 }: PieceSideFiles,
): Promise<PieceSide> {
  const pieces = createSentencePiece(await readSentencePieceFile(files, model), `${model} in ${files.name}`);
  const where = `${vocabularyFile} in ${files.name}`;
  const tokenIds = asVocabulary(await readJsonObject(files, vocabularyFile), where);
  const unknown = tokenIds.get(config.named.get("unk") ?? "");
  const end = tokenIds.get(config.named.get("eos") ?? "");
  if (unknown === undefined || end === undefined) {
    throw new FileError(
      `${where}: expected the tokens "${config.named.get("unk")}" and "${config.named.get("eos")}" in the vocabulary, which has ${tokenIds.size} tokens without ${unknown === undefined ? "the first" : "the second"}; get the file again`,
    );
  }
  const size = tokenIds.size;
  following.forEach((token, at) => {
    tokenIds.set(token, size + at);
  });
  const vocabulary = createVocabulary(tokenIds, [], config);
  const split = addedTokenSplitter(vocabulary.added.map((token) => [token.content, token]));
  const encodeStretch = (stretch: TrackedText, add: AddToken) => {
    const start = leading(stretch.text);
    if (start > 0) add(tokenIds.get(stretch.text.slice(0, start)) ?? unknown, origin(stretch, 0, start));
    for (const { text, span } of pieces.encode(slice(stretch, start, stretch.text.length)))
      add(tokenIds.get(text) ?? unknown, span);
  };
  return { pieces, vocabulary, encode: (text) => encodeSections(text, split, encodeStretch) };
}

/** How pieces of SentencePiece are written. */
export const pieceNotation: Notation = {
  byteLevel: false,
  metaspace: true,
  byteFallback: true,
  continuingPrefix: "",
  endOfWordSuffix: "",
};

/**
 * The text of tokens: special ones keep their names, with `behindSpecial` after each; what lies between them is decoded on
 * its own. White space at both ends is dropped.
 */
export function decodeAround(
  tokens: readonly string[],
  special: ReadonlySet<string>,
  pieces: SentencePiece,
  behindSpecial: string,
): string {
  let text = "";
  let run: string[] = [];
  for (const token of tokens) {
    if (!special.has(token)) {
      run.push(token);
      continue;
    }
    text += `${pieces.decode(run)}${token}${behindSpecial}`;
    run = [];
  }
  return (text + pieces.decode(run)).replaceAll("▁", " ").replace(OUTER_SPACE, "");
}

/** White space at both ends as Python's `strip` sees it: with the four separators U+001C to U+001F. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these control characters are what Python strips.
const OUTER_SPACE = /^[\p{White_Space}\x1C-\x1F]+|[\p{White_Space}\x1C-\x1F]+$/gu;
