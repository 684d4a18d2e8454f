/**
 * Text generation: greedy search, sampling, beam search and beam sampling, for one row or a batch of rows.
 *
 * The same tokens come out as from Hugging Face transformers' `generate` with the same options, row by row: a batch gives
 * what each of its rows gives alone. (That library counts padding as tokens: in `max_length`, `min_length` and the
 * rules about repetition. Here nothing depends on padding.)
 */

import { OptionError } from "../../errors.ts";
import { Random } from "../../random.ts";
import type { Model } from "../model.ts";
import { beamSearch } from "./beamSearch.ts";
import { likeliestToken } from "./greedy.ts";
import { NextLogits } from "./nextLogits.ts";
import type { GenerationOptions } from "./options.ts";
import { processorChain } from "./processorChain.ts";
import type { GenerationStep, Row } from "./rows.ts";
import { drawToken } from "./sample.ts";
import { tokenByToken } from "./tokenByToken.ts";

export interface GenerateRequest {
  /** Prompts, or sources of an encoder-decoder model, without padding. */
  readonly inputIds: readonly (readonly number[])[];
  /** Encoder-decoder models: beginnings of the outputs, with or without the decoder start token. */
  readonly targetPrefix?: readonly (readonly number[])[] | undefined;
  readonly options: GenerationOptions;
  /** Called after every step. */
  readonly onStep?: ((step: GenerationStep) => void) | undefined;
  /** Stops before the next step by throwing the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Number of the first row, when the rows are part of a longer list: each row's number names its random numbers. */
  readonly firstRow?: number | undefined;
}

/** New tokens when neither the model nor the user sets a length. */
const DEFAULT_NEW_TOKENS = 20;

/**
 * The ids of each row without padding: prompt and continuation, or decoder start token and output, with the EOS if one came.
 * @throws OptionError when a row is empty, has ids outside the vocabulary, is as long as its maximal length already, or
 *   outgrows the model's positions; when the options leave no token to choose
 * @throws NumericError when the model computes a logit that is not a finite number
 */
export async function generate(model: Model, request: GenerateRequest): Promise<number[][]> {
  const { inputIds, options, firstRow = 0 } = request;
  if (inputIds.length === 0) return [];
  checkInputs(model, request);
  const rows = startsOf(model, request).map((start, input) =>
    resolveRow(model, options, start, inputIds[input] ?? [], input),
  );
  const random = options.doSample ? rows.map(({ input }) => new Random(options.seed, firstRow + input)) : undefined;
  const next = new NextLogits(model, inputIds, options.useCache);
  try {
    if (options.numBeams > 1) return await beamSearch(next, rows, options, random, request);
    const choose = (scores: Float32Array, row: number): number => {
      const numbers = random?.[row];
      return numbers === undefined ? likeliestToken(scores) : drawToken(scores, numbers);
    };
    return await tokenByToken(next, rows, choose, request);
  } finally {
    next.dispose();
  }
}

function resolveRow(
  model: Model,
  options: GenerationOptions,
  start: readonly number[],
  inputIds: readonly number[],
  input: number,
): Row {
  const { maxNewTokens, minNewTokens } = options;
  const byDefault = Math.min(start.length + DEFAULT_NEW_TOKENS, model.facts.maxPositions);
  const maxLength = maxNewTokens === null ? (options.maxLength ?? byDefault) : start.length + maxNewTokens;
  if (start.length >= maxLength) {
    throw new OptionError(
      `generation: row ${input} begins with ${start.length} tokens, but its length may be ${maxLength} at most; ` +
        "raise maxLength, or give maxNewTokens",
    );
  }
  const minLength = minNewTokens === null ? options.minLength : start.length + minNewTokens;
  const process = processorChain(options, { startLength: start.length, minLength, maxLength, inputIds });
  return { input, start, maxLength, process, eos: options.eosTokenId ?? [] };
}

/** What each row's output begins with. */
function startsOf(model: Model, { inputIds, targetPrefix, options }: GenerateRequest): readonly (readonly number[])[] {
  if (model.kind === "decoder-only") return inputIds;
  const start = options.decoderStartTokenId ?? options.bosTokenId;
  if (start === null) {
    throw new OptionError(
      "generation: expected decoderStartTokenId or bosTokenId, with which the output of an encoder-decoder model begins; " +
        "neither is in the model's generation_config.json (or config.json): give one",
    );
  }
  return inputIds.map((_, row) => {
    const prefix = targetPrefix?.[row] ?? [];
    return prefix[0] === start ? prefix : [start, ...prefix];
  });
}

function checkInputs(model: Model, { inputIds, targetPrefix, options }: GenerateRequest): void {
  const { vocabSize, maxPositions } = model.facts;
  const what = model.kind === "decoder-only" ? "prompt" : "source";
  for (const [row, ids] of inputIds.entries()) {
    if (ids.length === 0) {
      throw new OptionError(
        `generation: expected at least one token in ${what} ${row}, received none; begin it with BOS`,
      );
    }
    if (ids.length > maxPositions) {
      throw new OptionError(
        `generation: expected at most ${maxPositions} tokens, which is all that the model has positions for, received ` +
          `${ids.length} in ${what} ${row}; shorten it`,
      );
    }
    // A source may have a vocabulary of its own, which is the encoder's business.
    checkIds(`${what} ${row}`, ids, model.kind === "decoder-only" ? vocabSize : Number.POSITIVE_INFINITY);
  }
  if (targetPrefix !== undefined) {
    if (model.kind === "decoder-only") {
      throw new OptionError("targetPrefix: expected an encoder-decoder model; put the beginning into the prompt");
    }
    if (targetPrefix.length !== inputIds.length) {
      throw new OptionError(
        `targetPrefix: expected one for each of ${inputIds.length} sources, received ${targetPrefix.length}`,
      );
    }
    for (const [row, ids] of targetPrefix.entries()) checkIds(`targetPrefix ${row}`, ids, vocabSize);
  }
  const { forcedBosTokenId: bos, decoderStartTokenId: start } = options;
  if (bos !== null) checkIds("forcedBosTokenId", [bos], vocabSize);
  if (start !== null && model.kind === "encoder-decoder") checkIds("decoderStartTokenId", [start], vocabSize);
  checkIds("forcedEosTokenId", options.forcedEosTokenId ?? [], vocabSize);
  checkIds("badWordsIds", options.badWordsIds?.flat() ?? [], vocabSize);
}

function checkIds(what: string, ids: readonly number[], vocabSize: number): void {
  const bad = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (bad === undefined) return;
  throw new OptionError(`${what}: expected token ids from 0 to ${vocabSize - 1}, received ${bad}`);
}
