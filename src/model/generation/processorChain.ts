/** The rules of one row in the order in which Hugging Face transformers applies them. */

import { OptionError } from "../../errors.ts";
import {
  badWords,
  encoderNoRepeatNgram,
  exponentialDecayLength,
  forcedBos,
  forcedEos,
  type LogitsProcessor,
  logSoftmax,
  minLength,
  noRepeatNgram,
  repetitionPenalty,
  suppress,
  suppressAtBegin,
} from "./logitsProcessors.ts";
import type { GenerationOptions } from "./options.ts";
import { minP, temperature, topK, topP, typicalP, type Warper } from "./warpers.ts";

export interface RowFacts {
  /** Tokens of the prompt, or of the decoder start and target prefix. */
  readonly startLength: number;
  readonly minLength: number;
  readonly maxLength: number;
  /** Prompt or source. */
  readonly inputIds: readonly number[];
}

/** One processor that applies all that `options` ask for. */
export function processorChain(options: GenerationOptions, row: RowFacts): LogitsProcessor {
  const chain = [...rules(options, row), ...(options.doSample ? warpers(options).map(ofScores) : [])];
  if (options.renormalizeLogits) chain.push(ofScores(logSoftmax));
  return (ids, scores) => chain.reduce((result, process) => process(ids, result), scores);
}

function rules(options: GenerationOptions, row: RowFacts): LogitsProcessor[] {
  const { badWordsIds, suppressTokens, beginSuppressTokens, forcedBosTokenId, forcedEosTokenId } = options;
  const { exponentialDecayLengthPenalty: decay } = options;
  const eos = options.eosTokenId ?? [];
  const chain: LogitsProcessor[] = [];
  if (options.repetitionPenalty !== 1) chain.push(repetitionPenalty(options.repetitionPenalty));
  if (options.noRepeatNgramSize > 0) chain.push(noRepeatNgram(options.noRepeatNgramSize));
  if (options.encoderNoRepeatNgramSize > 0) {
    chain.push(encoderNoRepeatNgram(options.encoderNoRepeatNgramSize, row.inputIds));
  }
  if (badWordsIds !== null) chain.push(badWords(badWordsIds, eos));
  if (row.minLength > 0) chain.push(minLength(row.minLength, eos));
  if (forcedBosTokenId !== null) chain.push(forcedBos(forcedBosTokenId));
  if (forcedEosTokenId !== null) chain.push(forcedEos(row.maxLength, forcedEosTokenId));
  if (decay !== null) {
    if (eos.length === 0) {
      throw new OptionError("exponentialDecayLengthPenalty: expected eosTokenId, whose score it raises, received none");
    }
    chain.push(exponentialDecayLength(decay, eos, row.startLength));
  }
  if (suppressTokens !== null) chain.push(suppress(suppressTokens));
  if (beginSuppressTokens !== null) {
    // A forced first token stands where generation would begin.
    const forced = row.startLength === 1 && forcedBosTokenId !== null;
    chain.push(suppressAtBegin(beginSuppressTokens, row.startLength + (forced ? 1 : 0)));
  }
  return chain;
}

function warpers(options: GenerationOptions): Warper[] {
  // A beam search needs a token that goes on beside those that end.
  const keep = options.numBeams > 1 ? (options.eosTokenId?.length ?? 1) + 1 : 1;
  const chain: Warper[] = [];
  if (options.temperature !== 1) chain.push(temperature(options.temperature));
  if (options.topK > 0) chain.push(topK(options.topK, keep));
  if (options.topP < 1) chain.push(topP(options.topP, keep));
  if (options.minP !== null) chain.push(minP(options.minP, keep));
  if (options.typicalP < 1) chain.push(typicalP(options.typicalP, keep));
  return chain;
}

function ofScores(warp: Warper): LogitsProcessor {
  return (_ids, scores) => warp(scores);
}
