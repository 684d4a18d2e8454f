/** What one call of `attribute` has to do: a sequence for each text, and what it is contrasted with. */

import { OptionError } from "../errors.ts";
import type { Encoding } from "../text/tokenizer.ts";
import { type Alignment, type Contrast, createContrast } from "./contrast.ts";
import { type ChatTokens, chatTokens, type Input } from "./inputs.ts";
import type { Language } from "./language.ts";
import type { ContrastOptions } from "./options.ts";
import type { Sequence } from "./sequence.ts";
import {
  createSequence,
  encodeInput,
  encodeTarget,
  encodingOfIds,
  type SpecialTokensMode,
  type TextOptions,
  withBos,
} from "./texts.ts";

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
export function forcedJob(language: Language, given: Input, generatedText: string, options: TextOptions): Job {
  const { prompt, full = "" } = withBos(language, given.text, wholeTarget(language, given, generatedText));
  if (language.model.kind === "decoder-only" && !full.startsWith(prompt)) {
    throw new OptionError(
      `generatedTexts: expected a text that begins with its prompt "${prompt}", received "${full}"; ` +
        "give prompt and continuation together",
    );
  }
  const input = encodeInput(language, prompt, options.specialTokens);
  const target = encodeTarget(language, full, options.specialTokens);
  return {
    sequence: createSequence(language, input, target, options),
    inputText: prompt,
    generatedText: full,
    chat: given.chat && chatTokens(given.chat, input),
  };
}

/** Of a decoder-only model, a reply to a conversation stands behind it; other targets are whole as they are given. */
function wholeTarget({ model }: Language, { text, chat }: Input, target: string): string {
  return chat !== null && model.kind === "decoder-only" ? text + target : target;
}

/** Tokens that the model has generated for a text, whose own tokens are `input`. */
export function generatedJob(
  language: Language,
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
  return {
    sequence: createSequence(language, input, encodingOfIds(language, kept), options),
    inputText: prompt,
    generatedText: tokenizer.decode(ids, { skipSpecialTokens: true, asTarget: encoderDecoder }),
    chat: given.chat && chatTokens(given.chat, input),
  };
}

/**
 * The contrast of every sequence, or nothing when no contrast was given. The contrast of a reply to a conversation is
 * another reply.
 * @throws OptionError when texts or alignments are not as many as sequences
 */
export function contrastsOf(
  language: Language,
  jobs: readonly Job[],
  inputs: readonly Input[],
  options: ContrastOptions,
  mode: SpecialTokensMode,
): (Contrast | null)[] {
  const { contrastTargetsAlignments: alignments } = options;
  if (alignments !== undefined && options.contrastTargets === undefined) {
    throw new OptionError("contrastTargetsAlignments: expected contrastTargets to align with, received none");
  }
  const each = <Item>(
    name: string,
    given: string | readonly Item[] | undefined,
  ): readonly (string | Item)[] | undefined => {
    const list = typeof given === "string" ? [given] : given;
    if (list === undefined || list.length === jobs.length) return list;
    throw new OptionError(`${name}: expected as many as sequences (${jobs.length}), received ${list.length}`);
  };
  const sources = each("contrastSources", options.contrastSources);
  const targets = each("contrastTargets", options.contrastTargets);
  if (sources === undefined && targets === undefined) return jobs.map(() => null);
  const pairs = pairsOfEach(alignments, jobs.length);
  return jobs.map(({ sequence }, i) => {
    const input = inputs[i] ?? { text: "", chat: null };
    const source = sources ? encodeInput(language, sources[i] ?? "", mode) : null;
    const other = targets?.[i] ?? "";
    const encoded =
      typeof other === "string" ? encodeTarget(language, wholeTarget(language, input, other), mode) : other;
    const target = targets ? encoded : null;
    return createContrast(sequence, source, target, pairs[i] ?? []);
  });
}

/** One alignment for every sequence: a list of pairs serves all of them, a list of lists one each. */
function pairsOfEach(alignments: ContrastOptions["contrastTargetsAlignments"], sequences: number): Alignment[] {
  if (alignments === undefined || alignments.length === 0) return [];
  const nested = Array.isArray(alignments[0]?.[0]);
  const each = nested
    ? (alignments as readonly Alignment[])
    : Array.from({ length: sequences }, () => alignments as Alignment);
  if (each.length === sequences) return [...each];
  throw new OptionError(
    `contrastTargetsAlignments: expected one list of pairs for each of ${sequences} sequences, received ${each.length}`,
  );
}
