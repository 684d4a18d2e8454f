/** From the files of a model to its tokenizer. */

import { FileError } from "../errors.ts";
import type { FileSource } from "../files.ts";
import { readJsonObject } from "./json.ts";
import { createJsonTokenizer } from "./jsonTokenizer.ts";
import { loadMarianTokenizer, marianFiles } from "./marianTokenizer.ts";
import { readSentencePieceFile } from "./sentencePieceFile.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { readTokenizerConfig } from "./tokenizerConfig.ts";
import { gpt2TokenizerJson, llamaTokenizerJson, t5TokenizerJson } from "./tokenizerJson.ts";

/**
 * The tokenizer of a model's folder, from the first of these that is there: MarianMT's `source.spm`, `target.spm` and
 * `vocab.json`; `tokenizer.json`; T5's `spiece.model`; Llama's `tokenizer.model`; GPT-2's `vocab.json` and `merges.txt`.
 * @throws FileError when none is there or one is damaged, UnsupportedError naming a component that is not implemented.
 */
export async function loadTokenizer(files: FileSource): Promise<Tokenizer> {
  const names = await files.list();
  const has = (...wanted: readonly string[]) => wanted.every((name) => names.includes(name));
  const config = await readTokenizerConfig(files);
  if (has(...marianFiles)) return loadMarianTokenizer(files, config);
  if (has("tokenizer.json")) return createJsonTokenizer(await readJsonObject(files, "tokenizer.json"), config);
  if (has("spiece.model")) {
    const file = await readSentencePieceFile(files, "spiece.model");
    return createJsonTokenizer(t5TokenizerJson(file, config, `spiece.model in ${files.name}`), config);
  }
  if (has("tokenizer.model")) {
    const file = await readSentencePieceFile(files, "tokenizer.model");
    return createJsonTokenizer(llamaTokenizerJson(file, config, `tokenizer.model in ${files.name}`), config);
  }
  if (has("vocab.json", "merges.txt")) {
    const vocab = await readJsonObject(files, "vocab.json");
    const merges = new TextDecoder().decode(await files.read("merges.txt"));
    return createJsonTokenizer(gpt2TokenizerJson(vocab, merges, config, files.name), config);
  }
  throw new FileError(
    `${files.name}: expected a tokenizer: tokenizer.json, or source.spm with target.spm and vocab.json, or spiece.model, or tokenizer.model, or vocab.json with merges.txt; received ${names.length > 0 ? names.join(", ") : "no files"}; add the tokenizer's files to the folder`,
  );
}
