/** A prompt and what follows it, as one text. */

import type { Span } from "../../text/span.ts";
import type { EvaluationItem } from "../item.ts";

/** The prompt with its continuation: with a space between them unless either has one there, or the text has the prompt already. */
export function continued(prompt: string, text: string): string {
  if (text.startsWith(prompt)) return text;
  return /^\s/.test(text) || /\s$/.test(prompt) ? prompt + text : `${prompt} ${text}`;
}

/** An item of a decoder-only model. */
export function promptItem(
  prompt: string,
  target: string,
  rest: { readonly foil?: string | undefined; readonly evidence?: readonly Span[]; readonly id?: string },
): EvaluationItem {
  const { foil, ...others } = rest;
  const contrast = foil === undefined ? {} : { foil: continued(prompt, foil) };
  return { input: prompt, target: continued(prompt, target), ...contrast, ...others };
}

/** All places of a word or phrase in a text, where no letter or digit touches it. */
export function placesOf(phrase: string, text: string): Span[] {
  const spans: Span[] = [];
  const touches = (sign: string | undefined): boolean => sign !== undefined && /[\p{L}\p{N}]/u.test(sign);
  for (let at = text.indexOf(phrase); at >= 0 && phrase !== ""; at = text.indexOf(phrase, at + phrase.length)) {
    if (!touches(text[at - 1]) && !touches(text[at + phrase.length])) spans.push([at, at + phrase.length]);
  }
  return spans;
}
