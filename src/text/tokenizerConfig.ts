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
  /** `tokenizer_config.json` itself, for what only one kind of tokenizer asks for. */
  readonly settings: JsonObject;
}

const specialNames: readonly SpecialName[] = ["bos", "eos", "unk", "pad", "sep", "cls", "mask"];

/**
 * Reads what there is; no file of these is required.
 * @throws FileError when one of them is damaged.
 */
export async function readTokenizerConfig(files: FileSource): Promise<TokenizerConfig> {
  const settings = (await readOptionalJsonObject(files, "tokenizer_config.json")) ?? {};
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
  gpt2: "GPT2Tokenizer",
  llama: "LlamaTokenizer",
  marian: "MarianTokenizer",
  mt5: "T5Tokenizer",
  t5: "T5Tokenizer",
  umt5: "T5Tokenizer",
};

/** Special tokens that a class of transformers has when no file names them. */
const defaultTokens: readonly (readonly [RegExp, readonly (readonly [SpecialName, string])[]])[] = [
  [
    /^(Marian|T5|MT5)Tokenizer$/,
    [
      ["eos", "</s>"],
      ["unk", "<unk>"],
      ["pad", "<pad>"],
    ],
  ],
  [
    /^GPT2Tokenizer$/,
    [
      ["bos", "<|endoftext|>"],
      ["eos", "<|endoftext|>"],
      ["unk", "<|endoftext|>"],
    ],
  ],
  [
    /^LlamaTokenizer$/,
    [
      ["bos", "<s>"],
      ["eos", "</s>"],
      ["unk", "<unk>"],
    ],
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
