/** From the files of a model to its tokenizer. */

import { FileError } from "../errors.ts";
import type { FileSource } from "../files.ts";
import type { JsonObject } from "../json.ts";
import { createByteTokenizer } from "./byteTokenizer.ts";
import { createChat, readChatTemplates } from "./chat.ts";
import { llamaTokenizerJson } from "./conversion/llama.ts";
import { sentencePieceTokenizerJson } from "./conversion/sentencePiece.ts";
import { mergesTokenizerJson, vocabularyTokenizerJson } from "./conversion/words.ts";
import { readJsonObject } from "./json.ts";
import { createJsonTokenizer } from "./jsonTokenizer.ts";
import { isLlama2cVocabulary, readLlama2cVocabulary } from "./llama2cVocabulary.ts";
import { loadM2m100Tokenizer, m2m100Files } from "./m2m100Tokenizer.ts";
import { loadMarianTokenizer, marianFiles } from "./marianTokenizer.ts";
import { fsmtFiles, loadBioGptTokenizer, loadFsmtTokenizer } from "./mosesTokenizer.ts";
import { readSentencePieceFile } from "./sentencePieceFile.ts";
import type { TextTokenizer, Tokenizer } from "./tokenizer.ts";
import { readTokenizerConfig, type TokenizerConfig } from "./tokenizerConfig.ts";

/**
 * The tokenizer of a model's folder, from the first of these that is there: MarianMT's `source.spm`, `target.spm` and
 * `vocab.json`; `tokenizer.json`; M2M-100's `sentencepiece.bpe.model` and `vocab.json`; a SentencePiece model
 * (`spiece.model`, `sentencepiece.bpe.model`, `tokenizer.model`); llama2.c's `tokenizer.bin`; `vocab.json` (FSMT: `vocab-src.json` and `vocab-tgt.json`)
 * and `merges.txt`; `vocab.txt`; and for ByT5 nothing at all.
 * @param asked settings in the names of `tokenizer_config.json` that count instead of those there
 * @throws FileError when none is there or one is damaged, UnsupportedError naming a component that is not implemented,
 *   OptionError for a language that the tokenizer does not have.
 */
export async function loadTokenizer(files: FileSource, asked: JsonObject = {}): Promise<Tokenizer> {
  const config = await readTokenizerConfig(files, asked);
  const tokenizer = await loadTextTokenizer(files, config);
  return { ...tokenizer, applyChatTemplate: createChat(await readChatTemplates(files, config), config) };
}

async function loadTextTokenizer(files: FileSource, config: TokenizerConfig): Promise<TextTokenizer> {
  const names = await files.list();
  const has = (...wanted: readonly string[]) => wanted.every((name) => names.includes(name));
  const text = async (name: string) => new TextDecoder().decode(await files.read(name));
  if (has(...marianFiles)) return loadMarianTokenizer(files, config);
  if (config.className === "ByT5Tokenizer") return createByteTokenizer(config);
  if (has("tokenizer.json")) return createJsonTokenizer(await readJsonObject(files, "tokenizer.json"), config);
  if (has(...m2m100Files)) return loadM2m100Tokenizer(files, config);
  const model = ["spiece.model", "sentencepiece.bpe.model", "tokenizer.model"].find((name) => has(name));
  if (model !== undefined) {
    const file = await readSentencePieceFile(files, model);
    const convert = model === "tokenizer.model" ? llamaTokenizerJson : sentencePieceTokenizerJson;
    return createJsonTokenizer(convert(file, config, `${model} in ${files.name}`), config);
  }
  const vocabulary = names.find(isLlama2cVocabulary);
  if (vocabulary !== undefined) {
    const file = await readLlama2cVocabulary(files, vocabulary);
    return createJsonTokenizer(llamaTokenizerJson(file, config, `${vocabulary} in ${files.name}`), config);
  }
  if (has(...fsmtFiles)) return loadFsmtTokenizer(files, config);
  if (config.className === "BioGptTokenizer" && has("vocab.json", "merges.txt")) {
    return loadBioGptTokenizer(files, config);
  }
  if (has("vocab.json", "merges.txt")) {
    const vocab = await readJsonObject(files, "vocab.json");
    return createJsonTokenizer(mergesTokenizerJson(vocab, await text("merges.txt"), config, files.name), config);
  }
  if (has("vocab.txt")) {
    return createJsonTokenizer(vocabularyTokenizerJson(await text("vocab.txt"), config, files.name), config);
  }
  throw new FileError(
    `${files.name}: expected a tokenizer: tokenizer.json, or source.spm with target.spm and vocab.json, or spiece.model, or sentencepiece.bpe.model, or tokenizer.model, or tokenizer.bin, or vocab.json (or vocab-src.json and vocab-tgt.json) with merges.txt, or vocab.txt; received ${names.length > 0 ? names.join(", ") : "no files"}; add the tokenizer's files to the folder`,
  );
}
