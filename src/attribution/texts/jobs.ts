/** What one call of `attribute` has to do: a sequence for each text, and what it is contrasted with. */

import { OptionError } from "../../errors.ts";
import type { Span } from "../../text/span.ts";
import type { Encoding } from "../../text/tokenizer.ts";
import type { Sequence } from "../sequence.ts";
import { type ChatTokens, chatTokens, type Input } from "./inputs.ts";
import type { LanguageModel } from "./languageModel.ts";
import { createSequence, encodeInput, encodeTarget, encodingOfIds, type TextOptions, withBos } from "./texts.ts";

/** What is to be attributed: tokens, and the texts they stand for. */
export interface Job {
  readonly sequence: Sequence;
  readonly inputText: string;
  readonly generatedText: string;
  /** Whose words are where in the prompt or source; null when it is no conversation. */
  readonly chat: readonly ChatTokens[] | null;
}

/**
 * A text that is given: the prompt and its continuation, or a source and its target. Behind a conversation, the
 * continuation alone.
 * @throws OptionError when the text of a decoder-only model does not begin with its prompt
 */
export function forcedJob(language: LanguageModel, given: Input, generatedText: string, options: TextOptions): Job {
  const { prompt, full = "" } = withBos(language, given.text, wholeTarget(language, given, generatedText));
  if (language.model.kind === "decoder-only" && !full.startsWith(prompt)) {
    throw new OptionError(
      `generatedTexts: expected a text that begins with its prompt "${prompt}", received "${full}"; ` +
        "give prompt and continuation together",
    );
  }
  const input = encodeInput(language, prompt, options.specialTokens);
  const target = encodeTarget(language, full, options.specialTokens);
  const chat = given.chat && chatTokens(given.chat, input);
  const sequence = createSequence(language, input, target, options);
  return { sequence: { ...sequence, turns: turnsOf(chat) }, inputText: prompt, generatedText: full, chat };
}

/** Of a decoder-only model, a reply to a conversation stands behind it; other targets are whole as they are given. */
export function wholeTarget({ model }: LanguageModel, { text, chat }: Input, target: string): string {
  return chat !== null && model.kind === "decoder-only" ? text + target : target;
}

/** Tokens that the model has generated for a text, whose own tokens are `input`. */
export function generatedJob(
  language: LanguageModel,
  given: Input,
  input: Encoding,
  ids: readonly number[],
  options: TextOptions,
): Job {
  const { model, tokenizer } = language;
  const { prompt } = withBos(language, given.text);
  const encoderDecoder = model.kind === "encoder-decoder";
  // The decoder start token is special, too, and stays.
  const kept =
    options.specialTokens === "left out" && encoderDecoder
      ? ids.filter((id, i) => i === 0 || !tokenizer.specialIds.has(id))
      : ids;
  const chat = given.chat && chatTokens(given.chat, input);
  const sequence = createSequence(language, input, encodingOfIds(language, kept), options);
  const generatedText = tokenizer.decode(ids, { skipSpecialTokens: true, asTarget: encoderDecoder });
  return { sequence: { ...sequence, turns: turnsOf(chat) }, inputText: prompt, generatedText, chat };
}

const turnsOf = (chat: Job["chat"]): readonly Span[] | undefined => chat?.map(({ span }) => span);
