/** The `tokenizer.json` of Llama and Gemma, made from `tokenizer.model`: byte-pair encoding with byte fallback. */

import { FileError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { byteToken } from "../bytes.ts";
import { asFlag } from "../json.ts";
import type { SentencePieceFile } from "../sentencePieceFile.ts";
import type { TokenizerConfig } from "../tokenizerConfig.ts";
import { addedPieces, sentencePieceMerges } from "./pieces.ts";

/**
 * Llama 1 and 2: `tokenizer.model`, byte-pair encoding with byte fallback. With `legacy` (the default, and what the
 * models were trained with), a space is put before each stretch of text between special tokens, otherwise only before
 * the first.
 */
export function llamaTokenizerJson(file: SentencePieceFile, config: TokenizerConfig, where: string): JsonObject {
  if (file.algorithm !== "bpe") {
    throw new FileError(`${where}: expected a BPE model, as Llama has, received a ${file.algorithm} model`);
  }
  if (config.className === "GemmaTokenizer") return gemmaTokenizerJson(file, config);
  const legacy = asFlag(config.settings.legacy, "tokenizer_config.json, legacy", true);
  const prefix = asFlag(config.settings.add_prefix_space, "tokenizer_config.json, add_prefix_space", true);
  return {
    added_tokens: addedPieces(file),
    normalizer: legacy
      ? { type: "Sequence", normalizers: prefix ? [{ type: "Prepend", prepend: "▁" }, spaces] : [spaces] }
      : null,
    pre_tokenizer: legacy ? null : { type: "Metaspace", prepend_scheme: prefix ? "first" : "never", split: false },
    model: {
      type: "BPE",
      vocab: Object.fromEntries(file.pieces.map((piece, id) => [piece.text, id])),
      merges: sentencePieceMerges(file),
      unk_token: file.pieces[file.unknownId]?.text ?? null,
      fuse_unk: true,
      byte_fallback: file.pieces.some((piece) => piece.text === byteToken(0)),
    },
    post_processor: startingWith(file, config, "<s>"),
    decoder: { type: "Sequence", decoders: prefix ? [...decoders, dropFirstSpace] : decoders },
  };
}

/** Gemma: no space is put before a text, and spaces stay as many as they are. */
function gemmaTokenizerJson(file: SentencePieceFile, config: TokenizerConfig): JsonObject {
  const texts = file.pieces.map((piece) => piece.text);
  // The first models have a tab only as a byte.
  const tab = texts.includes("\t") ? -1 : texts.indexOf(byteToken(9));
  return {
    added_tokens: addedPieces(file),
    normalizer: spaces,
    pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false },
    model: {
      type: "BPE",
      vocab: Object.fromEntries(texts.map((text, id) => [id === tab ? "\t" : text, id])),
      merges: sentencePieceMerges(file),
      unk_token: texts[file.unknownId] ?? null,
      fuse_unk: true,
      byte_fallback: true,
    },
    post_processor: startingWith(file, config, "<bos>"),
    decoder: { type: "Sequence", decoders },
  };
}

const spaces = { type: "Replace", pattern: { String: " " }, content: "▁" };
const decoders = [
  { type: "Replace", pattern: { String: "▁" }, content: " " },
  { type: "ByteFallback" },
  { type: "Fuse" },
];
const dropFirstSpace = { type: "Strip", content: " ", start: 1, stop: 0 };

function startingWith(file: SentencePieceFile, config: TokenizerConfig, otherwise: string): JsonObject | null {
  const bos = config.named.get("bos") ?? otherwise;
  const id = file.pieces.findIndex((piece) => piece.text === bos);
  if (id < 0) return null;
  return {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: bos } }, { Sequence: { id: "A" } }],
    special_tokens: { [bos]: { ids: [id] } },
  };
}
