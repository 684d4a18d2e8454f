/** From texts to sequences: tokens, baselines and positions of what is to be attributed. */

import { OptionError } from "../../errors.ts";
import { Random } from "../../random.ts";
import type { Encoding, Tokenizer } from "../../text/tokenizer.ts";
import type { Sequence, SequenceBaseline } from "../sequence.ts";
import { type BaselineChoice, type BaselineEntry, baselineEntries } from "./baseline.ts";
import type { LanguageModel } from "./languageModel.ts";

/** Special tokens are added around a text, left out of it, or are where the text has them: a chat template wrote them. */
export type SpecialTokensMode = "added" | "left out" | "as written";

export interface TextOptions {
  readonly specialTokens: SpecialTokensMode;
  readonly includeEosBaseline: boolean;
  /** One or several. */
  readonly baselines: readonly BaselineChoice[];
  /** Of baselines that are drawn. */
  readonly seed: number;
  readonly attrPosStart?: number | undefined;
  readonly attrPosEnd?: number | undefined;
}

/** An empty prompt of a decoder-only model stands for its BOS token, as in Inseq. */
export function withBos(
  language: LanguageModel,
  prompt: string,
  full?: string,
): { prompt: string; full: string | undefined } {
  const { model, tokenizer, start } = language;
  if (prompt !== "") return { prompt, full };
  if (model.kind === "encoder-decoder") {
    throw new OptionError("inputTexts: expected a text for the encoder, received an empty one");
  }
  if (start === null) {
    throw new OptionError(
      "inputTexts: received an empty text, and the model has no BOS token to start from; give a prompt",
    );
  }
  const bos = tokenizer.idToToken(start);
  return { prompt: bos, full: full === undefined || full.startsWith(bos) ? full : `${bos} ${full}` };
}

/** Tokens of a prompt or source text. */
export function encodeInput({ tokenizer }: LanguageModel, text: string, mode: SpecialTokensMode): Encoding {
  const cleaned = mode === "left out" ? withoutSpecial(tokenizer, text) : text;
  const encoding = tokenizer.encode(cleaned, { addSpecialTokens: mode === "added" });
  return withoutDoubledStart(encoding, tokenizer.special.bos);
}

/** Tokens of a target text; of an encoder-decoder model behind the decoder start token. */
export function encodeTarget(language: LanguageModel, text: string, mode: SpecialTokensMode): Encoding {
  const { model, tokenizer } = language;
  if (model.kind === "decoder-only") return encodeInput(language, text, mode);
  const cleaned = mode === "left out" ? withoutSpecial(tokenizer, text) : text;
  const encoding = tokenizer.encode(cleaned, { asTarget: true, addSpecialTokens: mode !== "left out" });
  return behindStart(language, asWritten(language, encoding));
}

/**
 * A target's tokens as the decoder writes them. Tokenizers make labels: mBART's end in the language that the decoder starts
 * from, SeamlessM4T's begin with the decoder's start.
 */
function asWritten({ tokenizer: { languages }, start }: LanguageModel, encoding: Encoding): Encoding {
  if (languages === null) return encoding;
  const last = encoding.ids.length - 1;
  const endsInStart = languages.startsDecoder && encoding.ids[last] === languages.codes.get(languages.target);
  const beginsWithStart = encoding.ids[0] === start && encoding.spans[0] === null;
  return sliceEncoding(encoding, beginsWithStart ? 1 : 0, endsInStart ? last : last + 1);
}

/** Tokens `[start, end)`. */
export function sliceEncoding({ ids, tokens, spans }: Encoding, start: number, end?: number): Encoding {
  return { ids: ids.slice(start, end), tokens: tokens.slice(start, end), spans: spans.slice(start, end) };
}

/** The decoder start token, then the tokens. */
export function behindStart({ start, tokenizer }: LanguageModel, { ids, tokens, spans }: Encoding): Encoding {
  if (start === null) {
    throw new OptionError("the model's config has no decoder_start_token_id; an encoder-decoder model needs one");
  }
  return { ids: [start, ...ids], tokens: [tokenizer.idToToken(start), ...tokens], spans: [null, ...spans] };
}

/** Generated ids as they are; spans into the text they decode to, where that text has the same tokens. */
export function encodingOfIds(language: LanguageModel, ids: readonly number[]): Encoding {
  const { model, tokenizer } = language;
  const asTarget = model.kind === "encoder-decoder";
  const text = tokenizer.decode(ids, { skipSpecialTokens: true, asTarget });
  const again = tokenizer.encode(text, { asTarget, addSpecialTokens: false });
  const content = ids.flatMap((id, i) => (tokenizer.specialIds.has(id) ? [] : [i]));
  const same = content.length === again.ids.length && content.every((i, k) => ids[i] === again.ids[k]);
  const spans = ids.map((_, i) => (same ? (again.spans[content.indexOf(i)] ?? null) : null));
  return { ids: [...ids], tokens: ids.map((id) => tokenizer.idToToken(id)), spans };
}

/**
 * The sequence of a prompt or source and its whole target.
 *
 * Positions count target tokens; negative ones count from the end. Without `attrPosStart` everything after the prompt (or
 * after the decoder start token) is attributed.
 * @throws OptionError when positions are out of range or nothing is left to attribute
 */
export function createSequence(
  language: LanguageModel,
  input: Encoding,
  target: Encoding,
  options: TextOptions,
): Sequence {
  const decoderOnly = language.model.kind === "decoder-only";
  const promptLength = decoderOnly ? input.ids.length : 1;
  checkTokens(language, "input", input);
  checkTokens(language, "target", target);
  const { start, end } = positions(target.ids.length, promptLength, options);
  const source = decoderOnly ? null : input;
  return {
    source,
    target,
    promptLength,
    start,
    end,
    special: language.tokenizer.specialIds,
    baselines: options.baselines.map((choice, i) => sequenceBaseline(language, source, target, choice, i, options)),
  };
}

/** The baseline of one choice, the i-th of them: each draws its own numbers. */
function sequenceBaseline(
  { model, tokenizer, eos, pad }: LanguageModel,
  source: Encoding | null,
  target: Encoding,
  choice: BaselineChoice,
  i: number,
  { includeEosBaseline: includeEos, seed }: TextOptions,
): SequenceBaseline {
  const { unk, mask } = tokenizer.special;
  const tokens = { unk, pad, mask, eos, special: tokenizer.specialIds };
  const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: false }).ids;
  const random = new Random(seed, i);
  if (source === null) {
    const request = { tokens: { ...tokens, vocabSize: model.facts.vocabSize }, includeEos, encode, random };
    return { source, target: baselineEntries(choice, target.ids, request) };
  }
  const sourceTokens = { ...tokens, vocabSize: tokenizer.vocabSize };
  const entries: BaselineEntry[] = baselineEntries(choice, target.ids, {
    tokens: { ...tokens, vocabSize: model.facts.vocabSize },
    includeEos,
    random,
  });
  return {
    source: baselineEntries(choice, source.ids, { tokens: sourceTokens, includeEos, encode, random }),
    // Nothing can be learnt from the absence of the decoder start token.
    target: choice === "origin" ? entries : [target.ids[0] ?? 0, ...entries.slice(1)],
  };
}

function positions(T: number, promptLength: number, options: TextOptions): { start: number; end: number } {
  const resolve = (name: string, position: number): number => {
    if (!Number.isInteger(position) || position < -T) {
      throw new OptionError(`${name}: expected an integer ≥ ${-T} for a target of ${T} tokens, received ${position}`);
    }
    return position < 0 ? T + position : position;
  };
  const start = resolve("attrPosStart", options.attrPosStart ?? promptLength);
  const end = Math.min(T, resolve("attrPosEnd", options.attrPosEnd ?? T));
  if (start < 1) {
    throw new OptionError("attrPosStart: expected a position ≥ 1, received 0; nothing comes before the first token");
  }
  if (start >= end) {
    throw new OptionError(
      `expected attrPosStart < attrPosEnd, received ${start} and ${end} (the target has ${T} tokens, ` +
        `${promptLength} of them given); there is no token left to attribute`,
    );
  }
  return { start, end };
}

function checkTokens({ model }: LanguageModel, what: "input" | "target", { ids, tokens: names }: Encoding): void {
  const tokens = ids.length;
  const { vocabSize, sourceVocabSize = vocabSize } = model.facts;
  const size = what === "input" ? sourceVocabSize : vocabSize;
  const outside = ids.findIndex((id) => id >= size);
  if (outside >= 0) {
    throw new OptionError(
      `${what} text: expected tokens with ids below ${size}, the number of the model's embeddings, received "${names[outside]}" ` +
        `with the id ${ids[outside]}; leave it out, or use the model's own tokenizer`,
    );
  }
  if (tokens === 0) throw new OptionError(`${what} text: expected at least one token, received none`);
  if (tokens > model.facts.maxPositions) {
    throw new OptionError(
      `${what} text: expected at most ${model.facts.maxPositions} tokens (the model's positions), received ${tokens}; ` +
        "shorten the text",
    );
  }
}

/** The text without the strings of special tokens. */
function withoutSpecial(tokenizer: Tokenizer, text: string): string {
  const strings = [...tokenizer.specialIds].map((id) => tokenizer.idToToken(id));
  return strings.reduce((rest, special) => rest.replaceAll(special, ""), text);
}

/** A prompt that names BOS itself gets another one from the tokenizer: the first is dropped. */
function withoutDoubledStart(encoding: Encoding, bos: number | null): Encoding {
  if (bos === null || encoding.ids[0] !== bos || encoding.ids[1] !== bos) return encoding;
  return sliceEncoding(encoding, 1);
}
