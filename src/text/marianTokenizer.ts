/**
 * The tokenizer of MarianMT (OPUS-MT): a SentencePiece model for each side cuts the text, `vocab.json` gives the ids.
 *
 * It behaves as transformers' `MarianTokenizer` does without the package sacremoses: punctuation stays as it is written.
 * A language code `>>fra<<` at the start of a text is one token; a piece that `vocab.json` lacks is the unknown token.
 */

import { FileError } from "../errors.ts";
import type { FileSource } from "../files.ts";
import { addedTokenSplitter } from "./addedTokens.ts";
import { asFlag, asVocabulary, readJsonObject } from "./json.ts";
import { type Notation, readableToken } from "./readable.ts";
import { createSentencePiece, type SentencePiece } from "./sentencePiece.ts";
import { readSentencePieceFile } from "./sentencePieceFile.ts";
import type { Span } from "./span.ts";
import type { Tokenizer } from "./tokenizer.ts";
import type { TokenizerConfig } from "./tokenizerConfig.ts";
import { slice, track, trimSpan } from "./trackedText.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

/** What a Marian repository has to contain. With `separate_vocabs`, `target_vocab.json` too. */
export const marianFiles = ["source.spm", "target.spm", "vocab.json"] as const;

interface Side {
  readonly pieces: SentencePiece;
  readonly vocabulary: Vocabulary;
  encode(text: string): { ids: number[]; spans: Span[] };
}

/** @throws FileError when a file is missing or damaged, or when the vocabulary lacks `<unk>` or `</s>`. */
export async function loadMarianTokenizer(files: FileSource, config: TokenizerConfig): Promise<Tokenizer> {
  const separate = asFlag(config.settings.separate_vocabs, "tokenizer_config.json, separate_vocabs", false);
  const source = await loadSide(files, config, "source.spm", "vocab.json");
  const target = await loadSide(files, config, "target.spm", separate ? "target_vocab.json" : "vocab.json");
  // With separate vocabularies, an id means a token of the target unless the caller says otherwise.
  const main = separate ? target : source;
  const side = (asTarget: boolean | undefined) => (asTarget === undefined ? main : asTarget ? target : source);
  const specialTokens = new Set([...config.named.values(), ...config.additional]);

  return {
    className: config.className,
    vocabSize: source.vocabulary.size,
    special: main.vocabulary.special,
    specialIds: main.vocabulary.specialIds,
    encode(text, { addSpecialTokens = true, asTarget = false } = {}) {
      const { vocabulary, encode } = side(asTarget);
      const { ids, spans } = encode(text);
      const after = addSpecialTokens && vocabulary.special.eos !== null ? [vocabulary.special.eos] : [];
      const all = [...ids, ...after];
      return {
        ids: all,
        tokens: all.map((id) => vocabulary.idToToken(id)),
        spans: [...spans, ...after.map(() => null)],
      };
    },
    decode(ids, { skipSpecialTokens = false, asTarget } = {}) {
      const { pieces, vocabulary } = side(asTarget);
      const kept = skipSpecialTokens ? ids.filter((id) => !vocabulary.specialIds.has(id)) : ids;
      return decodeAround(
        kept.map((id) => vocabulary.idToToken(id)),
        specialTokens,
        pieces,
      );
    },
    idToToken: (id) => main.vocabulary.idToToken(id),
    tokenToId: (token) => main.vocabulary.tokenToId(token),
    readable: (tokens) => tokens.map((token) => (specialTokens.has(token) ? token : readableToken(token, notation))),
  };
}

const notation: Notation = {
  byteLevel: false,
  metaspace: true,
  byteFallback: true,
  continuingPrefix: "",
  endOfWordSuffix: "",
};

async function loadSide(
  files: FileSource,
  config: TokenizerConfig,
  model: string,
  vocabularyFile: string,
): Promise<Side> {
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
  const vocabulary = createVocabulary(tokenIds, [], config);
  const split = addedTokenSplitter(vocabulary.added.map((token) => [token.content, token]));
  const encode = (text: string) => {
    const ids: number[] = [];
    const spans: Span[] = [];
    const add = (id: number, span: Span) => {
      ids.push(id);
      spans.push(trimSpan(text, span));
    };
    const whole = track(text);
    for (const section of split(text)) {
      if (section.token !== undefined) {
        add(section.token.id, [section.start, section.end]);
        continue;
      }
      const code = languageCode(text.slice(section.start, section.end));
      const start = section.start + code.length;
      if (code.length > 0) add(tokenIds.get(code) ?? unknown, [section.start, start]);
      for (const piece of pieces.encode(slice(whole, start, section.end)))
        add(tokenIds.get(piece.text) ?? unknown, piece.span);
    }
    return { ids, spans };
  };
  return { pieces, vocabulary, encode };
}

/** `>>fra<<` at the start of a text, or nothing. */
function languageCode(text: string): string {
  const end = text.startsWith(">>") ? text.indexOf("<<") : -1;
  return end < 0 ? "" : text.slice(0, end + 2);
}

/** Special tokens keep their names, with a space after each; what lies between them is decoded on its own. */
function decodeAround(tokens: readonly string[], special: ReadonlySet<string>, pieces: SentencePiece): string {
  let text = "";
  let run: string[] = [];
  for (const token of tokens) {
    if (!special.has(token)) {
      run.push(token);
      continue;
    }
    text += `${pieces.decode(run)}${token} `;
    run = [];
  }
  return (text + pieces.decode(run)).replaceAll("▁", " ").replace(OUTER_SPACE, "");
}

/** White space at both ends as Python's `strip` sees it: with the four separators U+001C to U+001F. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these control characters are what Python strips.
const OUTER_SPACE = /^[\p{White_Space}\x1C-\x1F]+|[\p{White_Space}\x1C-\x1F]+$/gu;
