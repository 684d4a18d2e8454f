/** The options of generation one by one: what they may be, the published default, and the value that turns them off. */

import type { Json } from "../../json.ts";
import type { GenerationOptions } from "./options.ts";

export interface OptionField<Value> {
  /** What the value has to be, as a message says it. */
  readonly expected: string;
  readonly accept: (value: Json) => Value | undefined;
  /** When neither the model nor the user says anything. */
  readonly fallback: Value;
  /** When the user says null. */
  readonly off: Value;
}

export const fields: { readonly [Key in keyof GenerationOptions]: OptionField<GenerationOptions[Key]> } = {
  maxLength: orNull(integer(1)),
  maxNewTokens: orNull(integer(1)),
  minLength: by(integer(0), 0),
  minNewTokens: orNull(integer(0)),
  numBeams: by(integer(1), 1),
  lengthPenalty: by(number("a number", Number.isFinite), 1),
  earlyStopping: by(
    ['true, false or "never"', (value) => (typeof value === "boolean" || value === "never" ? value : undefined)],
    false,
  ),
  doSample: by(flag(), false),
  temperature: by(number("a number above 0", above0), 1),
  topK: by(integer(0), 50, 0),
  topP: by(
    number("a number from 0 to 1", (x) => x >= 0 && x <= 1),
    1,
  ),
  minP: orNull(number("a number from 0 to 1", (x) => x >= 0 && x <= 1)),
  typicalP: by(
    number("a number above 0, at most 1", (x) => x > 0 && x <= 1),
    1,
  ),
  seed: by(integer(0), 0),
  repetitionPenalty: by(number("a number above 0", above0), 1),
  noRepeatNgramSize: by(integer(0), 0),
  encoderNoRepeatNgramSize: by(integer(0), 0),
  badWordsIds: orNull([
    "a list of lists of token ids, none of them empty",
    (value) => (Array.isArray(value) && value.every((word) => isIds(word) && word.length > 0) ? value : undefined),
  ]),
  suppressTokens: orNull(ids()),
  beginSuppressTokens: orNull(ids()),
  forcedBosTokenId: orNull(integer(0)),
  forcedEosTokenId: orNull(idOrIds(0)),
  exponentialDecayLengthPenalty: orNull(["a list of two numbers, new tokens and factor", (value) => decay(value)]),
  renormalizeLogits: by(flag(), false),
  numReturnSequences: by(
    ["1 (generate again with another seed for more)", (value) => (value === 1 ? 1 : undefined)],
    1,
  ),
  bosTokenId: orNull(integer(0)),
  // Old configs say −1 for none: such a token never comes.
  eosTokenId: orNull(idOrIds(-1)),
  decoderStartTokenId: orNull(integer(0)),
  useCache: by(flag(), true),
};

/** Options of Hugging Face that are not implemented, and the values with which they ask for nothing. */
export const neutralOnly: Readonly<Record<string, readonly Json[]>> = {
  assistantEarlyExit: [],
  constraints: [],
  diversityPenalty: [0],
  dolaLayers: [],
  encoderRepetitionPenalty: [1],
  epsilonCutoff: [0],
  etaCutoff: [0],
  forceWordsIds: [],
  guidanceScale: [1],
  maxTime: [],
  numBeamGroups: [1],
  penaltyAlpha: [0],
  promptLookupNumTokens: [],
  removeInvalidValues: [false],
  sequenceBias: [],
  speculationType: [],
  stopStrings: [],
  tokenHealing: [false],
  topH: [],
  useMtp: [false],
  watermarkingConfig: [],
};

/**
 * Options of Hugging Face that do not change which tokens are generated: how fast, and what is returned beside them.
 * Padding is masked and taken away again, so its token does not matter either. The tables that say which token is which
 * language are SeamlessM4T's; a tokenizer has them, too.
 */
export const withoutEffect: readonly string[] = [
  "_fromModelConfig",
  "assistantConfidenceThreshold",
  "assistantEnsembleWeight",
  "assistantLookbehind",
  "cacheConfig",
  "cacheImplementation",
  "compileConfig",
  "continuousBatchingConfig",
  "disableCompile",
  "isAssistant",
  "lowMemory",
  "maxCacheLen",
  "maxMatchingNgramSize",
  "numAssistantTokens",
  "numAssistantTokensSchedule",
  "outputAttentions",
  "outputHiddenStates",
  "outputLogits",
  "outputScores",
  "padTokenId",
  "prefillChunkSize",
  "returnDictInGenerate",
  "t2uLangCodeToId",
  "targetLookbehind",
  "textDecoderLangToCodeId",
  "transformersVersion",
  "vocoderLangCodeToId",
];

type Accepted<Value> = readonly [expected: string, accept: (value: Json) => Value | undefined];

function by<Value>([expected, accept]: Accepted<Value>, fallback: NoInfer<Value>, off = fallback): OptionField<Value> {
  return { expected, accept, fallback, off };
}

function orNull<Value>([expected, accept]: Accepted<Value>): OptionField<Value | null> {
  return { expected, accept, fallback: null, off: null };
}

function integer(from: number): Accepted<number> {
  return [
    `an integer from ${from}`,
    (value) => (Number.isSafeInteger(value) && Number(value) >= from ? Number(value) : undefined),
  ];
}

function number(expected: string, accept: (value: number) => boolean): Accepted<number> {
  return [expected, (value) => (typeof value === "number" && accept(value) ? value : undefined)];
}

function flag(): Accepted<boolean> {
  return ["true or false", (value) => (typeof value === "boolean" ? value : undefined)];
}

function ids(): Accepted<readonly number[]> {
  return ["a list of token ids", (value) => (isIds(value) ? value : undefined)];
}

function idOrIds(from: number): Accepted<readonly number[]> {
  return [
    "a token id or a list of token ids",
    (value) => {
      const list: Json = typeof value === "number" ? [value] : value;
      return isIds(list, from) && list.length > 0 ? list : undefined;
    },
  ];
}

function isIds(value: Json, from = 0): value is readonly number[] {
  return Array.isArray(value) && value.every((id) => Number.isSafeInteger(id) && Number(id) >= from);
}

function decay(value: Json): readonly [number, number] | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [start, factor] = value as readonly Json[];
  if (typeof start !== "number" || typeof factor !== "number" || !Number.isSafeInteger(start)) return undefined;
  return start >= 0 && factor > 0 ? [start, factor] : undefined;
}

function above0(value: number): boolean {
  return value > 0 && Number.isFinite(value);
}
