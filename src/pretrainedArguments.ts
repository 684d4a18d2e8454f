/**
 * Keyword arguments for the model and for the tokenizer, in the names that Inseq passes on to `from_pretrained`
 * (`model_kwargs`, `tokenizer_kwargs`). What changes something here is done; anything else is refused by name.
 */

import { OptionError } from "./errors.ts";
import type { Json, JsonObject } from "./json.ts";
import type { HubOptions } from "./model/hub/repository.ts";
import { suggestion } from "./names.ts";

export type KeywordArguments = Readonly<Record<string, unknown>>;

/** Arguments that say where files come from, for both. */
const places = {
  revision: "string",
  token: "string",
  cache_dir: "string",
  local_files_only: "boolean",
} as const;

/** Arguments whose only possible values describe what is done here anyway. */
const modelFacts: Readonly<Record<string, readonly unknown[]>> = {
  attn_implementation: ["eager"],
  dtype: ["float32"],
  torch_dtype: ["float32"],
  trust_remote_code: [false],
};
const tokenizerFacts: Readonly<Record<string, readonly unknown[]>> = { use_fast: [true], trust_remote_code: [false] };

/** Settings of `tokenizer_config.json` that a caller may replace. */
const tokenizerSettings: readonly string[] = [
  "src_lang",
  "tgt_lang",
  "bos_token",
  "eos_token",
  "unk_token",
  "pad_token",
  "sep_token",
  "cls_token",
  "mask_token",
  "additional_special_tokens",
  "extra_special_tokens",
  "add_bos_token",
  "add_eos_token",
  "add_prefix_space",
  "do_lower_case",
  "strip_accents",
  "tokenize_chinese_chars",
  "legacy",
  "legacy_behaviour",
  "language_codes",
  "separate_vocabs",
  "extra_ids",
  "offset",
  "mask_token_sent",
  "chat_template",
];

/** @throws OptionError for the first argument that asks for something that cannot be done. */
export function readModelArguments(given: KeywordArguments): HubOptions {
  const [place, rest] = takePlaces("model_kwargs", given);
  refuse("model_kwargs", rest, modelFacts, Object.keys({ ...places, ...modelFacts }));
  return place;
}

/**
 * Where the tokenizer's files come from, and the settings that count instead of those in them.
 * @throws OptionError for the first argument that asks for something that cannot be done.
 */
export function readTokenizerArguments(given: KeywordArguments): { place: HubOptions; settings: JsonObject } {
  const [place, rest] = takePlaces("tokenizer_kwargs", given);
  const settings = Object.entries(rest).filter(([name]) => tokenizerSettings.includes(name));
  const others = Object.entries(rest).filter(([name]) => !tokenizerSettings.includes(name));
  refuse("tokenizer_kwargs", Object.fromEntries(others), tokenizerFacts, [
    ...Object.keys({ ...places, ...tokenizerFacts }),
    ...tokenizerSettings,
  ]);
  return { place, settings: Object.fromEntries(settings) as Record<string, Json> };
}

function takePlaces(where: string, given: KeywordArguments): [HubOptions, KeywordArguments] {
  const rest: Record<string, unknown> = {};
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const type = places[name as keyof typeof places];
    const noToken = name === "token" && value === false;
    if (type === undefined) rest[name] = value;
    else if (typeof value === type || noToken) found[name] = value;
    else throw new OptionError(`${where}: "${name}": expected a ${type}, received ${JSON.stringify(value)}`);
  }
  const { cache_dir: cacheDir, local_files_only: localFilesOnly, ...others } = found;
  const renamed = {
    ...others,
    ...(cacheDir !== undefined && { cacheDir }),
    ...(localFilesOnly !== undefined && { localFilesOnly }),
  };
  return [renamed as HubOptions, rest];
}

function refuse(
  where: string,
  given: KeywordArguments,
  facts: Readonly<Record<string, readonly unknown[]>>,
  known: readonly string[],
): void {
  for (const [name, value] of Object.entries(given)) {
    const possible = facts[name];
    if (possible?.includes(value)) continue;
    const why =
      possible === undefined
        ? `it would change nothing here${suggestion(name, known)} (known: ${known.join(", ")})`
        : `only ${JSON.stringify(possible[0])} is possible`;
    throw new OptionError(`${where}: "${name}": ${JSON.stringify(value)} cannot be honoured: ${why}; leave it out`);
  }
}
