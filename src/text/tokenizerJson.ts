/**
 * The `tokenizer.json` that a repository does not have, made from the files that it has. Each function gives what
 * transformers makes of the same files.
 */

import { FileError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import { byteToken } from "./bytes.ts";
import { asFlag, asNumber, asVocabulary } from "./json.ts";
import type { SentencePieceFile } from "./sentencePieceFile.ts";
import type { TokenizerConfig } from "./tokenizerConfig.ts";
import { characterWidth } from "./trackedText.ts";

/** T5 and mT5: `spiece.model`, whose pieces are followed by the sentinels `<extra_id_99>` … `<extra_id_0>`. */
export function t5TokenizerJson(file: SentencePieceFile, config: TokenizerConfig, where: string): JsonObject {
  if (file.algorithm !== "unigram") {
    throw new FileError(`${where}: expected a unigram model, as T5 has, received a ${file.algorithm} model`);
  }
  const known = new Set(file.pieces.map((piece) => piece.text));
  const sentinels = sentinelTokens(config).filter((token) => !known.has(token));
  const vocab = [...file.pieces.map((piece) => [piece.text, piece.score]), ...sentinels.map((token) => [token, 0])];
  const end = config.named.get("eos") ?? "</s>";
  const endId = vocab.findIndex(([token]) => token === end);
  if (endId < 0)
    throw new FileError(`${where}: expected the piece "${end}", which the model lacks; get the file again`);
  return {
    added_tokens: [
      ...addedPieces(file),
      ...sentinels.map((content, at) => ({ id: file.pieces.length + at, content, special: true })),
    ],
    normalizer:
      file.charsMap.length > 0 ? { type: "Precompiled", precompiled_charsmap: toBase64(file.charsMap) } : null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [{ type: "WhitespaceSplit" }, { type: "Metaspace", prepend_scheme: "always", split: true }],
    },
    model: { type: "Unigram", vocab, unk_id: file.unknownId, byte_fallback: false },
    post_processor: {
      type: "TemplateProcessing",
      single: [{ Sequence: { id: "A" } }, { SpecialToken: { id: end } }],
      special_tokens: { [end]: { ids: [endId] } },
    },
    decoder: { type: "Metaspace", prepend_scheme: "always" },
  };
}

/**
 * Llama 1 and 2: `tokenizer.model`, byte-pair encoding with byte fallback. With `legacy` (the default, and what the
 * models were trained with), a space is put before each stretch of text between special tokens, otherwise only before
 * the first.
 */
export function llamaTokenizerJson(file: SentencePieceFile, config: TokenizerConfig, where: string): JsonObject {
  if (file.algorithm !== "bpe") {
    throw new FileError(`${where}: expected a BPE model, as Llama has, received a ${file.algorithm} model`);
  }
  const legacy = asFlag(config.settings.legacy, "tokenizer_config.json, legacy", true);
  const prefix = asFlag(config.settings.add_prefix_space, "tokenizer_config.json, add_prefix_space", true);
  const spaces = { type: "Replace", pattern: { String: " " }, content: "▁" };
  const bos = config.named.get("bos") ?? "<s>";
  const bosId = file.pieces.findIndex((piece) => piece.text === bos);
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
    post_processor:
      bosId < 0
        ? null
        : {
            type: "TemplateProcessing",
            single: [{ SpecialToken: { id: bos } }, { Sequence: { id: "A" } }],
            special_tokens: { [bos]: { ids: [bosId] } },
          },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(prefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
  };
}

/** GPT-2: `vocab.json` and `merges.txt` (one pair a line, the first line may tell a version). */
export function gpt2TokenizerJson(
  vocab: JsonObject,
  merges: string,
  config: TokenizerConfig,
  where: string,
): JsonObject {
  asVocabulary(vocab, `vocab.json in ${where}`);
  const prefix = asFlag(config.settings.add_prefix_space, "tokenizer_config.json, add_prefix_space", false);
  return {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: prefix, use_regex: true },
    model: {
      type: "BPE",
      vocab,
      merges: merges.split(/\r?\n/).filter((line, at) => line.length > 0 && !(at === 0 && line.startsWith("#version"))),
    },
    post_processor: null,
    decoder: { type: "ByteLevel" },
  };
}

/** As many sentinels as `extra_ids` says, or as are listed as special tokens, or 100. */
function sentinelTokens(config: TokenizerConfig): string[] {
  const listed = config.additional.filter((token) => token.includes("<extra_id_")).length;
  const count = asNumber(config.settings.extra_ids ?? (listed > 0 ? listed : 100), "tokenizer_config.json, extra_ids");
  return Array.from({ length: count }, (_, at) => `<extra_id_${count - 1 - at}>`);
}

/** Control pieces are special, user-defined ones are not; both are never cut. */
function addedPieces(file: SentencePieceFile): Json[] {
  return file.pieces.flatMap(({ text, type }, id) =>
    type === "control" || type === "userDefined" || type === "unknown"
      ? [{ id, content: text, normalized: false, special: type !== "userDefined" }]
      : [],
  );
}

/** Every way to put a piece together from two others, best pieces first, longer left parts first. */
function sentencePieceMerges(file: SentencePieceFile): Json[] {
  const normal = file.pieces.filter((piece) => piece.type === "normal");
  const texts = new Set(normal.map((piece) => piece.text));
  const merges = normal.flatMap(({ text, score }) => {
    const cuts: { score: number; left: string; right: string }[] = [];
    for (let cut = characterWidth(text, 0); cut < text.length; cut += characterWidth(text, cut)) {
      const [left, right] = [text.slice(0, cut), text.slice(cut)];
      if (texts.has(left) && texts.has(right)) cuts.push({ score, left, right });
    }
    return cuts;
  });
  merges.sort((a, b) => b.score - a.score || b.left.length - a.left.length || b.right.length - a.right.length);
  return merges.map(({ left, right }) => [left, right]);
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
