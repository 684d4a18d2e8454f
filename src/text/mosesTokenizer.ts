/**
 * The tokenizers of FSMT (Ng et al. 2019, arXiv 1907.06616) and BioGPT (Luo et al. 2022, arXiv 2210.10341): Moses cuts the
 * text into words, byte-pair encoding the words into tokens, of which `</w>` marks the last. As transformers'
 * `FSMTTokenizer` and `BioGptTokenizer`; what is not exact is said in `moses/tokenize.ts`.
 *
 * FSMT's two languages have their own vocabularies. A target is encoded with the target's, unlike in transformers, which
 * takes the source's for both.
 */

import { FileError } from "../errors.ts";
import type { FileSource } from "../files.ts";
import { addedTokenSplitter } from "./addedTokens.ts";
import { mergePairs, pairKey } from "./bpe.ts";
import { asArray, asFlag, asString, asVocabulary, readJsonObject } from "./json.ts";
import { refuseLanguages } from "./languages.ts";
import { mosesDetokenize } from "./moses/detokenize.ts";
import { normalizePunctuation } from "./moses/normalize.ts";
import { mosesTokens } from "./moses/tokenize.ts";
import { type Notation, readableToken } from "./readable.ts";
import { type AddToken, bare, encodeSections, surround, type TextTokens } from "./sections.ts";
import type { PieceToken } from "./subwordModel.ts";
import type { TextTokenizer } from "./tokenizer.ts";
import type { TokenizerConfig } from "./tokenizerConfig.ts";
import { characterWidth, origin, rewrite, type TrackedText } from "./trackedText.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

/** What an FSMT repository has to contain. */
export const fsmtFiles = ["vocab-src.json", "vocab-tgt.json", "merges.txt"] as const;

/** @throws FileError when a file is missing or damaged, or when `langs` does not name two languages. */
export async function loadFsmtTokenizer(files: FileSource, config: TokenizerConfig): Promise<TextTokenizer> {
  const languages = asArray(config.settings.langs, "tokenizer_config.json, langs");
  const [from, to] = languages.map((language) => asString(language, "tokenizer_config.json, langs"));
  if (from === undefined || to === undefined || languages.length > 2) {
    throw new FileError(`tokenizer_config.json, langs: expected two languages, received ${JSON.stringify(languages)}`);
  }
  const lowercase = asFlag(config.settings.do_lower_case, "tokenizer_config.json, do_lower_case", false);
  const prepare = (language: string) => (text: TrackedText) =>
    mosesTokens(normalizePunctuation(lowercase ? lowercased(text) : text, language), language);
  const [sourceFile, targetFile] = fsmtFiles;
  const source = await loadSide(files, config, sourceFile, prepare(from));
  const target = await loadSide(files, config, targetFile, prepare(to));
  return createTokenizer(config, source, target, to, "after");
}

/** @throws FileError when a file is missing or damaged. */
export async function loadBioGptTokenizer(files: FileSource, config: TokenizerConfig): Promise<TextTokenizer> {
  const side = await loadSide(files, config, "vocab.json", (text) => mosesTokens(text, "en"));
  return createTokenizer(config, side, side, "en", "before");
}

interface Side {
  readonly vocabulary: Vocabulary;
  encode(text: string): TextTokens;
}

async function loadSide(
  files: FileSource,
  config: TokenizerConfig,
  file: string,
  words: (text: TrackedText) => readonly TrackedText[],
): Promise<Side> {
  refuseLanguages(config);
  const tokenIds = asVocabulary(await readJsonObject(files, file), `${file} in ${files.name}`);
  const unknown = tokenIds.get(config.named.get("unk") ?? "");
  if (unknown === undefined) {
    throw new FileError(
      `${file} in ${files.name}: expected the token "${config.named.get("unk")}"; get the file again`,
    );
  }
  const segment = wordSegmenter(new TextDecoder().decode(await files.read("merges.txt")));
  const vocabulary = createVocabulary(tokenIds, [], config);
  const split = addedTokenSplitter(vocabulary.added.map((token) => [token.content, token]));
  const encodeStretch = (stretch: TrackedText, add: AddToken) => {
    for (const word of words(stretch)) {
      for (const piece of segment(word.text)) {
        const isLast = piece.end === word.text.length;
        const written = word.text.slice(piece.start, piece.end) + (isLast ? END_OF_WORD : "");
        add(tokenIds.get(written) ?? unknown, origin(word, piece.start, piece.end));
      }
    }
  };
  return { vocabulary, encode: (text) => encodeSections(text, split, encodeStretch) };
}

const END_OF_WORD = "</w>";

/** Pairs of `merges.txt` (a count may follow), the earliest first. The pieces need not be in a vocabulary. */
function wordSegmenter(merges: string): (word: string) => readonly PieceToken[] {
  const symbols = new Map<string, number>();
  const idOf = (symbol: string): number => {
    const id = symbols.get(symbol) ?? symbols.size;
    symbols.set(symbol, id);
    return id;
  };
  const rows = new Map<number, number>();
  const ids: number[] = [];
  for (const line of merges.split("\n")) {
    const [left, right] = line.trim().split(/\s+/);
    if (left === undefined || right === undefined || line.startsWith("#version")) continue;
    const key = pairKey(idOf(left), idOf(right));
    if (rows.has(key)) continue;
    rows.set(key, ids.length);
    ids.push(idOf(left + right));
  }
  const table = { rows, ranks: ids.map((_, rank) => rank), ids };
  return (word) => {
    const characters: PieceToken[] = [];
    for (let start = 0; start < word.length; ) {
      const end = start + characterWidth(word, start);
      const symbol = word.slice(start, end) + (end === word.length ? END_OF_WORD : "");
      characters.push({ id: symbols.get(symbol) ?? -1, start, end });
      start = end;
    }
    return mergePairs(characters, table);
  };
}

function lowercased(text: TrackedText): TrackedText {
  const lower = text.text.toLowerCase();
  // As a whole, so that a Σ at the end of a word is ς; character by character where one becomes two (İ).
  if (lower.length === text.text.length) return { ...text, text: lower };
  const edits = Array.from(text.text.matchAll(/\p{Changes_When_Lowercased}/gu), ({ 0: character, index }) => ({
    start: index,
    end: index + character.length,
    content: character.toLowerCase(),
  }));
  return rewrite(text, edits);
}

function createTokenizer(
  config: TokenizerConfig,
  source: Side,
  target: Side,
  language: string,
  separator: "before" | "after",
): TextTokenizer {
  const { vocabulary } = target;
  const special = new Set([...config.named.values(), ...config.additional]);
  const notation: Notation = {
    byteLevel: false,
    metaspace: false,
    byteFallback: false,
    continuingPrefix: "",
    endOfWordSuffix: END_OF_WORD,
  };
  return {
    className: config.className,
    vocabSize: source.vocabulary.size,
    highestId: Math.max(source.vocabulary.highestId, vocabulary.highestId),
    special: vocabulary.special,
    languages: null,
    specialIds: vocabulary.specialIds,
    encode(text, { addSpecialTokens = true, asTarget = false } = {}) {
      const side = asTarget ? target : source;
      const { sep } = side.vocabulary.special;
      const around = addSpecialTokens && sep !== null ? { ...bare, [separator]: [sep] } : bare;
      return surround(side.encode(text), around, side.vocabulary.idToToken);
    },
    decode(ids, { skipSpecialTokens = false, asTarget = true } = {}) {
      const side = asTarget ? target : source;
      const kept = skipSpecialTokens ? ids.filter((id) => !side.vocabulary.specialIds.has(id)) : ids;
      const text = kept.map((id) => side.vocabulary.idToToken(id).replaceAll(END_OF_WORD, " ")).join("");
      return mosesDetokenize(text.split(/\s+/), language);
    },
    idToToken: (id) => vocabulary.idToToken(id),
    tokenToId: (token) => vocabulary.tokenToId(token),
    readable: (tokens) => tokens.map((token) => (special.has(token) ? token : readableToken(token, notation))),
  };
}
