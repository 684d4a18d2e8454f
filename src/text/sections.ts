/** Encoding a text around its added tokens, and putting special tokens around what comes out. */

import type { Section } from "./addedTokens.ts";
import type { SurroundingIds } from "./postProcessor.ts";
import type { Span } from "./span.ts";
import type { Encoding } from "./tokenizer.ts";
import { slice, type TrackedText, track, trimSpan } from "./trackedText.ts";

/** Tokens of a text and the characters behind them. */
export interface TextTokens {
  readonly ids: readonly number[];
  readonly spans: readonly Span[];
}

/** Takes a token with the characters that it stands for, white space at their ends included. */
export type AddToken = (id: number, span: Span) => void;

/** The tokens of a text: added ones as `split` finds them, those of the stretches between them as `encode` adds them. */
export function encodeSections(
  text: string,
  split: (text: string) => readonly Section[],
  encode: (stretch: TrackedText, add: AddToken) => void,
): TextTokens {
  const ids: number[] = [];
  const spans: Span[] = [];
  const add: AddToken = (id, span) => {
    ids.push(id);
    spans.push(trimSpan(text, span));
  };
  const whole = track(text);
  for (const { start, end, token } of split(text)) {
    if (token !== undefined) add(token.id, [start, end]);
    else encode(slice(whole, start, end), add);
  }
  return { ids, spans };
}

/** An encoding of tokens with others around them, which stand for nothing in the text. */
export function surround(
  { ids: inner, spans }: TextTokens,
  { before, after }: SurroundingIds,
  idToToken: (id: number) => string,
): Encoding {
  const ids = [...before, ...inner, ...after];
  return { ids, tokens: ids.map(idToToken), spans: [...before.map(() => null), ...spans, ...after.map(() => null)] };
}

/** Nothing around a text. */
export const bare: SurroundingIds = { before: [], after: [] };
