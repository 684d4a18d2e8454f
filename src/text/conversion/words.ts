/**
 * The `tokenizer.json` of a repository that has `vocab.json` and `merges.txt`, or `vocab.txt`: byte-level byte-pair encoding
 * (GPT-2, OPT, BART, Qwen2), the word-based one of the first GPT, and BERT's WordPiece.
 */

import { FileError } from "../../errors.ts";
import type { Json, JsonObject } from "../../json.ts";
import { asFlag, asVocabulary } from "../json.ts";
import type { TokenizerConfig } from "../tokenizerConfig.ts";

/** `vocab.json` and `merges.txt` (one pair a line, the first line may tell a version). */
export function mergesTokenizerJson(
  vocab: JsonObject,
  merges: string,
  config: TokenizerConfig,
  where: string,
): JsonObject {
  const ids = asVocabulary(vocab, `vocab.json in ${where}`);
  const lines = merges
    .split(/\r?\n/)
    .filter((line, at) => line.length > 0 && !(at === 0 && line.startsWith("#version")));
  const bytePairs = { type: "BPE", vocab, merges: lines };
  switch (config.className) {
    case "OpenAIGPTTokenizer":
      return {
        normalizer: { type: "BertNormalizer", lowercase: true },
        pre_tokenizer: { type: "BertPreTokenizer" },
        model: { ...bytePairs, unk_token: config.named.get("unk") ?? null, end_of_word_suffix: "</w>" },
        decoder: { type: "BPEDecoder", suffix: "</w>" },
      };
    case "BartTokenizer":
    case "RobertaTokenizer":
      return {
        ...byteLevel(bytePairs, config),
        added_tokens: maskToken(ids, config),
        post_processor: between(ids, config, `vocab.json in ${where}`),
      };
    case "Qwen2Tokenizer":
      return {
        ...byteLevel(bytePairs, config),
        normalizer: { type: "NFC" },
        pre_tokenizer: {
          type: "Sequence",
          pretokenizers: [
            { type: "Split", pattern: { Regex: QWEN2_WORDS }, behavior: "Isolated", invert: false },
            { type: "ByteLevel", add_prefix_space: false, use_regex: false },
          ],
        },
      };
    default:
      return byteLevel(bytePairs, config);
  }
}

/** BERT: `vocab.txt`, a token a line. */
export function vocabularyTokenizerJson(lines: string, config: TokenizerConfig, where: string): JsonObject {
  const tokens = lines.split("\n").map((line) => line.replace(/\r$/, ""));
  if (tokens.at(-1) === "") tokens.pop();
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const setting = (name: string, otherwise: boolean) =>
    asFlag(config.settings[name], `tokenizer_config.json, ${name}`, otherwise);
  const lowercase = setting("do_lower_case", true);
  return {
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: setting("tokenize_chinese_chars", true),
      strip_accents: setting("strip_accents", lowercase),
      lowercase,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    model: { type: "WordPiece", vocab: Object.fromEntries(ids), unk_token: config.named.get("unk") ?? "[UNK]" },
    post_processor: between(ids, config, `vocab.txt in ${where}`),
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  };
}

function byteLevel(model: Json, config: TokenizerConfig): JsonObject {
  const prefix = asFlag(config.settings.add_prefix_space, "tokenizer_config.json, add_prefix_space", false);
  return {
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: prefix, use_regex: true },
    model,
    decoder: { type: "ByteLevel" },
  };
}

/** BART's mask stands for a word with the space before it. */
function maskToken(ids: ReadonlyMap<string, number>, config: TokenizerConfig): Json {
  const content = config.named.get("mask") ?? "<mask>";
  const id = ids.get(content);
  return id === undefined ? [] : [{ id, content, lstrip: true, special: true }];
}

/** `[CLS]` before a text and `[SEP]` after it, by whatever names. */
function between(ids: ReadonlyMap<string, number>, config: TokenizerConfig, where: string): JsonObject {
  const pair = (name: "cls" | "sep"): Json => {
    const token = config.named.get(name) ?? "";
    const id = ids.get(token);
    if (id !== undefined) return [token, id];
    throw new FileError(`${where}: expected the ${name} token "${token}", which it lacks; get the file again`);
  };
  return { type: "BertProcessing", cls: pair("cls"), sep: pair("sep") };
}

/** Words, digits one by one, and runs of other characters (the Qwen2 technical report, arXiv 2407.10671, has the model). */
const QWEN2_WORDS =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
