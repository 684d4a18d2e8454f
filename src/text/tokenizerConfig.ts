/**
 * What the small files beside a vocabulary say: `tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json`,
 * and of `config.json` the model's type.
 */

import { FileError } from "../errors.ts";
import type { FileSource } from "../files.ts";
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { type AddedToken, plainSpecialToken, readAddedToken } from "./addedTokens.ts";
import {
  asArray,
  asFlag,
  asId,
  asObject,
  asOptionalString,
  asString,
  isArray,
  readOptionalJsonObject,
} from "./json.ts";
import type { SpecialTokens } from "./tokenizer.ts";

export type SpecialName = keyof SpecialTokens;

export interface TokenizerConfig {
  readonly className: string;
  /** The strings of the named special tokens. */
  readonly named: ReadonlyMap<SpecialName, string>;
  /** Further special tokens, such as T5's sentinels. */
  readonly additional: readonly string[];
  /** Tokens outside the vocabulary, or with properties of their own. */
  readonly added: readonly AddedToken[];
  /** `add_bos_token` and `add_eos_token`, where one of them is given. */
  readonly surround: { readonly bos: boolean; readonly eos: boolean } | undefined;
  /** `tokenizer_config.json` under what the user asked for, for what only one kind of tokenizer reads. */
  readonly settings: JsonObject;
  /** Names of the settings that the user gave. */
  readonly asked: ReadonlySet<string>;
}

const specialNames: readonly SpecialName[] = ["bos", "eos", "unk", "pad", "sep", "cls", "mask"];

/**
 * Reads what there is; no file of these is required.
 * @param asked settings that count instead of those of `tokenizer_config.json`
 * @throws FileError when one of them is damaged.
 */
export async function readTokenizerConfig(files: FileSource, asked: JsonObject = {}): Promise<TokenizerConfig> {
  const settings = { ...(await readOptionalJsonObject(files, "tokenizer_config.json")), ...asked };
  const map = (await readOptionalJsonObject(files, "special_tokens_map.json")) ?? {};
  const { model_type: modelType } = (await readOptionalJsonObject(files, "config.json")) ?? {};
  const legacyAdded = (await readOptionalJsonObject(files, "added_tokens.json")) ?? {};
  const className = transformersClass(settings.tokenizer_class, modelType);
  const defaults = new Map(defaultTokens.find(([pattern]) => pattern.test(className))?.[1]);
  const named = new Map<SpecialName, string>();
  for (const name of specialNames) {
    const content = tokenContent(settings[`${name}_token`]) ?? tokenContent(map[`${name}_token`]) ?? defaults.get(name);
    if (content !== undefined) named.set(name, content);
  }
  const { add_bos_token: bos = null, add_eos_token: eos = null } = settings;
  return {
    className,
    named,
    additional: [...new Set([settings, map].flatMap(additionalTokens))],
    added: readAdded(settings.added_tokens_decoder, legacyAdded),
    surround:
      bos === null && eos === null
        ? undefined
        : { bos: asFlag(bos, "add_bos_token", false), eos: asFlag(eos, "add_eos_token", false) },
    settings,
    asked: new Set(Object.keys(asked)),
  };
}

/** The class that transformers 5 makes: the old name of a class with a "Fast" twin stands for the one class left. */
function transformersClass(value: Json | undefined, modelType: Json | undefined): string {
  const declared = asOptionalString(value, "tokenizer_config.json, tokenizer_class");
  if (declared === "PreTrainedTokenizerFast") return "TokenizersBackend";
  if (declared !== undefined) return declared.replace(/Fast$/, "");
  return (typeof modelType === "string" ? classOfModelType[modelType] : undefined) ?? "TokenizersBackend";
}

const classOfModelType: { readonly [modelType: string]: string | undefined } = {
  bart: "BartTokenizer",
  biogpt: "BioGptTokenizer",
  fsmt: "FSMTTokenizer",
  gemma: "GemmaTokenizer",
  gpt2: "GPT2Tokenizer",
  gpt_neo: "GPT2Tokenizer",
  llama: "LlamaTokenizer",
  m2m_100: "M2M100Tokenizer",
  marian: "MarianTokenizer",
  mbart: "MBartTokenizer",
  mistral: "LlamaTokenizer",
  mixtral: "LlamaTokenizer",
  mt5: "T5Tokenizer",
  "nllb-moe": "NllbTokenizer",
  "openai-gpt": "OpenAIGPTTokenizer",
  opt: "GPT2Tokenizer",
  pegasus: "PegasusTokenizer",
  qwen2: "Qwen2Tokenizer",
  qwen2_moe: "Qwen2Tokenizer",
  qwen3: "Qwen2Tokenizer",
  seamless_m4t: "SeamlessM4TTokenizer",
  t5: "T5Tokenizer",
  umt5: "T5Tokenizer",
  xglm: "XGLMTokenizer",
};

const namedTokens = (
  bos: string | undefined,
  eos: string | undefined,
  unk: string,
  others: readonly (readonly [SpecialName, string])[] = [],
): readonly (readonly [SpecialName, string])[] => [
  ...(bos === undefined ? [] : [["bos", bos] as const]),
  ...(eos === undefined ? [] : [["eos", eos] as const]),
  ["unk", unk],
  ...others,
];

const fairseqTokens = namedTokens("<s>", "</s>", "<unk>", [
  ["pad", "<pad>"],
  ["sep", "</s>"],
]);

/** Special tokens that a class of transformers has when no file names them. */
const defaultTokens: readonly (readonly [RegExp, readonly (readonly [SpecialName, string])[]])[] = [
  [/^(Marian|T5|MT5|ByT5)Tokenizer$/, namedTokens(undefined, "</s>", "<unk>", [["pad", "<pad>"]])],
  [
    /^PegasusTokenizer$/,
    namedTokens(undefined, "</s>", "<unk>", [
      ["pad", "<pad>"],
      ["mask", "<mask_2>"],
    ]),
  ],
  [/^GPT2Tokenizer$/, namedTokens("<|endoftext|>", "<|endoftext|>", "<|endoftext|>")],
  [/^Qwen2Tokenizer$/, namedTokens(undefined, "<|endoftext|>", "<|endoftext|>", [["pad", "<|endoftext|>"]])],
  [/^LlamaTokenizer$/, namedTokens("<s>", "</s>", "<unk>")],
  [/^GemmaTokenizer$/, namedTokens("<bos>", "<eos>", "<unk>", [["pad", "<pad>"]])],
  [/^OpenAIGPTTokenizer$/, namedTokens(undefined, undefined, "<unk>")],
  [/^(M2M100|BioGpt|FSMT|SeamlessM4T)Tokenizer$/, fairseqTokens],
  [/^XGLMTokenizer$/, [...fairseqTokens, ["cls", "<s>"]]],
  [/^(Bart|Roberta|MBart|Nllb)Tokenizer$/, [...fairseqTokens, ["cls", "<s>"], ["mask", "<mask>"]]],
  [
    /^MBart50Tokenizer$/,
    namedTokens(undefined, "</s>", "<unk>", [
      ["pad", "<pad>"],
      ["sep", "</s>"],
      ["cls", "<s>"],
      ["mask", "<mask>"],
    ]),
  ],
  [
    /^BertTokenizer$/,
    namedTokens(undefined, undefined, "[UNK]", [
      ["pad", "[PAD]"],
      ["sep", "[SEP]"],
      ["cls", "[CLS]"],
      ["mask", "[MASK]"],
    ]),
  ],
];

/** A special token is a string, an object with `content`, or absent. */
function tokenContent(value: Json | undefined): string | undefined {
  if (isJsonObject(value)) return asString(value.content, "content of a special token");
  return asOptionalString(value, "special token");
}

/** Since version 5, transformers writes `extra_special_tokens`: a list, or an object from names to tokens. */
function additionalTokens(settings: JsonObject): string[] {
  const lists = [settings.additional_special_tokens, settings.extra_special_tokens];
  return lists.flatMap((list) => {
    if (list === undefined || list === null) return [];
    const tokens = isArray(list) ? list : Object.values(asObject(list, "extra_special_tokens"));
    return asArray(tokens as readonly Json[], "additional_special_tokens").map((token) => {
      const content = tokenContent(token);
      if (content !== undefined) return content;
      throw new FileError(
        `additional_special_tokens: expected tokens, received ${JSON.stringify(token)}; get the file again`,
      );
    });
  });
}

function readAdded(decoder: Json | undefined, legacy: JsonObject): AddedToken[] {
  const current = Object.entries(asObject(decoder ?? {}, "added_tokens_decoder")).map(([id, token]) =>
    readAddedToken(token ?? null, `added_tokens_decoder["${id}"]`, asId(Number(id), "added_tokens_decoder")),
  );
  const known = new Set(current.map((token) => token.content));
  const old = Object.entries(legacy)
    .filter(([content]) => !known.has(content))
    .map(([content, id]) => ({
      ...plainSpecialToken(asId(id, `added_tokens.json["${content}"]`), content),
      special: false,
    }));
  return [...current, ...old];
}
