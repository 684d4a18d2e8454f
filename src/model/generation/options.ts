/**
 * What can be asked of generation, with the meaning and the defaults of Hugging Face transformers' `generate`.
 *
 * Options come from three places, the later winning: the published defaults, the model's `generation_config.json` (its
 * `config.json` when there is none), and the user, in Hugging Face's snake_case or in camelCase.
 */

import { ConfigError, OptionError } from "../../errors.ts";
import type { FileSource } from "../../files.ts";
import { describeJson, type Json, type JsonObject, parseJsonObject } from "../../json.ts";
import { suggestion } from "../../names.ts";
import { fields, neutralOnly, withoutEffect } from "./optionFields.ts";

export interface GenerationOptions {
  /** Tokens of a finished row at most, prompt or decoder start included; null: 20 new ones. */
  readonly maxLength: number | null;
  /** New tokens at most; counts instead of `maxLength`. */
  readonly maxNewTokens: number | null;
  /** No EOS before a row has so many tokens, prompt or decoder start included. */
  readonly minLength: number;
  /** No EOS before so many new tokens; counts instead of `minLength`. */
  readonly minNewTokens: number | null;
  /** Hypotheses kept for each row; 1 is greedy search, or sampling. */
  readonly numBeams: number;
  /** A finished hypothesis' log probability is divided by its new tokens to this power. */
  readonly lengthPenalty: number;
  /** When a beam search ends: with as many finished as beams (true), when improving is unlikely (false), or cannot be. */
  readonly earlyStopping: boolean | "never";
  /** Draw tokens instead of taking the likeliest. */
  readonly doSample: boolean;
  readonly temperature: number;
  /** Draw among the k likeliest; 0: among all. */
  readonly topK: number;
  readonly topP: number;
  readonly minP: number | null;
  readonly typicalP: number;
  /** Of the random numbers: same seed, same text. */
  readonly seed: number;
  readonly repetitionPenalty: number;
  readonly noRepeatNgramSize: number;
  readonly encoderNoRepeatNgramSize: number;
  readonly badWordsIds: readonly (readonly number[])[] | null;
  readonly suppressTokens: readonly number[] | null;
  readonly beginSuppressTokens: readonly number[] | null;
  readonly forcedBosTokenId: number | null;
  readonly forcedEosTokenId: readonly number[] | null;
  /** New tokens after which EOS becomes likelier, and the factor by which it does with each. */
  readonly exponentialDecayLengthPenalty: readonly [number, number] | null;
  /** Scores are log probabilities again after all other rules. */
  readonly renormalizeLogits: boolean;
  readonly numReturnSequences: 1;
  readonly bosTokenId: number | null;
  readonly eosTokenId: readonly number[] | null;
  /** First token of an encoder-decoder model's output; by default `bosTokenId`. */
  readonly decoderStartTokenId: number | null;
  /** Keep keys and values of past positions instead of computing them again. */
  readonly useCache: boolean;
}

/** Pairs of which one counts instead of the other. */
const exclusive: readonly (readonly [keyof GenerationOptions, keyof GenerationOptions])[] = [
  ["maxLength", "maxNewTokens"],
  ["minLength", "minNewTokens"],
];
const onlyWhenSampling = ["temperature", "topK", "topP", "minP", "typicalP"] as const;
const onlyWithBeams = ["lengthPenalty", "earlyStopping"] as const;

/**
 * A model's own options: `generation_config.json` over the published defaults. A model without that file has them in its
 * `config.json`, where everything else is no business of generation. Null means not set.
 * @throws ConfigError listing what is unknown, unacceptable or not implemented
 */
export function generationOptions(generationConfig: JsonObject | null, config: JsonObject): GenerationOptions {
  const where = generationConfig === null ? "config.json" : "generation_config.json";
  const given = Object.entries(generationConfig ?? generationPart(config)).filter(([, value]) => value !== null);
  const { values, problems } = readValues(given);
  if (problems.length === 0) return { ...defaults(), ...values };
  throw new ConfigError(`${where}: expected options of generation, received\n${indented(problems)}`);
}

/**
 * `generationOptions` of the files of a model.
 * @throws FileError when `generation_config.json` is damaged
 */
export async function readGenerationDefaults(files: FileSource, config: JsonObject): Promise<GenerationOptions> {
  const name = "generation_config.json";
  const present = (await files.list()).includes(name);
  return generationOptions(present ? parseJsonObject(`${files.name}/${name}`, await files.read(name)) : null, config);
}

/**
 * The options of one call: what the user gives, in snake_case or camelCase, over a model's own. Null turns an option off.
 * A given `max_length` takes the place of the model's `max_new_tokens`, a given `min_length` of its `min_new_tokens`.
 * @throws OptionError for names and values that are not known or not implemented, for two names of one option, for both
 *   of a pair of which one counts, and for options that the chosen search would not look at
 */
export function readGenerationArgs(
  args: Readonly<Record<string, unknown>>,
  model: GenerationOptions = defaults(),
): GenerationOptions {
  const given = Object.entries(args).filter(([, value]) => value !== undefined);
  const { values, problems } = readValues(given as [string, Json][]);
  for (const [one, other] of exclusive) {
    if (values[one] != null && values[other] != null) {
      problems.push(`${one} and ${other}: give only one of them, because ${other} counts instead of ${one}`);
    }
  }
  const replaced = Object.fromEntries(
    exclusive.filter(([one]) => values[one] != null).map(([, other]) => [other, null]),
  ) as Partial<GenerationOptions>;
  const options: GenerationOptions = { ...model, ...replaced, ...values };
  const set = (key: keyof GenerationOptions): boolean => key in values && values[key] !== fields[key].off;
  if (!options.doSample) {
    for (const key of onlyWhenSampling.filter(set)) problems.push(`${key}: has no effect unless doSample is true`);
  }
  if (options.numBeams === 1) {
    for (const key of onlyWithBeams.filter(set)) problems.push(`${key}: has no effect unless numBeams is above 1`);
  }
  if (problems.length === 0) return options;
  throw new OptionError(`generation: expected options of generation, received\n${indented(problems)}`);
}

/** Hugging Face's defaults. */
function defaults(): GenerationOptions {
  const entries = Object.entries(fields).map(([key, field]) => [key, field.fallback]);
  return Object.fromEntries(entries) as GenerationOptions;
}

interface Read {
  readonly values: Partial<GenerationOptions>;
  readonly problems: string[];
}

function readValues(given: readonly (readonly [string, Json])[]): Read {
  const values: Partial<Record<string, unknown>> = {};
  const problems: string[] = [];
  for (const [name, value] of given) {
    const key = camelCase(name);
    const field = Object.entries(fields).find(([known]) => known === key)?.[1];
    if (field !== undefined) {
      const accepted = value === null ? field.off : field.accept(value);
      if (accepted === undefined) problems.push(`${name}: ${describeJson(value)}, but it has to be ${field.expected}`);
      else if (key in values) problems.push(`${name}: ${describeJson(value)}, but it is given twice, under two names`);
      else values[key] = accepted;
    } else if (!withoutEffect.includes(key)) {
      const neutral = Object.entries(neutralOnly).find(([known]) => known === key)?.[1];
      if (neutral === undefined) problems.push(`${name}: no such option${suggestion(key, Object.keys(fields))}`);
      else if (value !== null && !neutral.includes(value)) {
        problems.push(`${name}: ${describeJson(value)}, which is not implemented; leave it out`);
      }
    }
  }
  return { values: values as Partial<GenerationOptions>, problems };
}

/** What an old `config.json` says about generation. */
function generationPart(config: JsonObject): JsonObject {
  const known = [...Object.keys(fields), ...Object.keys(neutralOnly)];
  const part = Object.entries(config).filter(([name]) => known.includes(camelCase(name)));
  const legacy =
    config.force_bos_token_to_be_generated === true ? { forced_bos_token_id: config.bos_token_id ?? null } : {};
  return { ...Object.fromEntries(part), ...legacy };
}

/** `top_k` → `topK`; a name in camelCase stays as it is. */
function camelCase(name: string): string {
  return name.replace(/(?!^)_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

const indented = (lines: readonly string[]): string => lines.map((line) => `  ${line}`).join("\n");
