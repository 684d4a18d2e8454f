/**
 * The tokenizer of M2M-100 (Fan et al. 2020) and of the WMT 2021 models: SentencePiece cuts the text, `vocab.json` gives the
 * ids of the pieces, and the tokens of the languages (`__fr__`) follow them. As transformers' `M2M100Tokenizer`.
 */

import { FileError } from "../errors.ts";
import type { FileSource } from "../files.ts";
import { m2m100Languages, wmt21Languages } from "./conversion/languageLists.ts";
import { decodeApart } from "./decoder.ts";
import { asOptionalString } from "./json.ts";
import { languageCodes, surroundLanguages } from "./languages.ts";
import { decodeAround, loadPieceSide, pieceNotation } from "./pieceSide.ts";
import { readableToken } from "./readable.ts";
import { bare, surround } from "./sections.ts";
import type { TextTokenizer } from "./tokenizer.ts";
import type { TokenizerConfig } from "./tokenizerConfig.ts";

/** What an M2M-100 repository has to contain. */
export const m2m100Files = ["sentencepiece.bpe.model", "vocab.json"] as const;

/** @throws FileError when a file is missing or damaged, OptionError for a language that it does not have. */
export async function loadM2m100Tokenizer(files: FileSource, config: TokenizerConfig): Promise<TextTokenizer> {
  const languageTokens = languagesOf(config).map((code) => `__${code}__`);
  const [pieceFile, vocabularyFile] = m2m100Files;
  const side = { pieces: pieceFile, vocabulary: vocabularyFile, following: languageTokens };
  const { pieces, vocabulary, encode } = await loadPieceSide(files, config, side);
  const codes = languageCodes(languageTokens, vocabulary.tokenToId);
  const surroundings = surroundLanguages(bare, config, codes, vocabulary.special.eos);
  const specialTokens = new Set([...config.named.values(), ...config.additional]);
  const addedLanguages = new Set(languageTokens.filter((token) => specialTokens.has(token)));
  return {
    className: config.className,
    vocabSize: vocabulary.size,
    highestId: vocabulary.highestId,
    special: vocabulary.special,
    languages: surroundings.languages,
    specialIds: vocabulary.specialIds,
    encode(text, { addSpecialTokens = true, asTarget = false } = {}) {
      const around = asTarget ? surroundings.target : surroundings.source;
      return surround(encode(text), addSpecialTokens ? around : bare, vocabulary.idToToken);
    },
    decode(ids, { skipSpecialTokens = false } = {}) {
      const kept = skipSpecialTokens ? ids.filter((id) => !vocabulary.specialIds.has(id)) : ids;
      const tokens = kept.map((id) => vocabulary.idToToken(id));
      return decodeApart(tokens, addedLanguages, (run) => decodeAround(run, specialTokens, pieces, ""));
    },
    idToToken: (id) => vocabulary.idToToken(id),
    tokenToId: (token) => vocabulary.tokenToId(token),
    readable: (tokens) =>
      tokens.map((token) => (specialTokens.has(token) ? token : readableToken(token, pieceNotation))),
  };
}

function languagesOf(config: TokenizerConfig): readonly string[] {
  const set = asOptionalString(config.settings.language_codes, "tokenizer_config.json, language_codes") ?? "m2m100";
  if (set === "m2m100") return m2m100Languages;
  if (set === "wmt21") return wmt21Languages;
  throw new FileError(`tokenizer_config.json, language_codes: expected "m2m100" or "wmt21", received "${set}"`);
}
