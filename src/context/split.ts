/** Guessing where the context ends in an output that a model wrote whole. */

import type { Span } from "../text/span.ts";

/**
 * The context, if the text between the two parts of the template, or else white space and punctuation, cuts the output in
 * exactly two; null if it does not. Punctuation stays with the context.
 * @param separator between context and current text; it is no guide when it is empty
 */
export function splitByText(output: string, separator: string): string | null {
  const parts = separator === "" ? [] : output.split(separator);
  if (parts.length === 2 && parts.every((part) => part.trim() !== "")) return parts[0] ?? null;
  const pieces = [...output.matchAll(/[^\s.?!,;:)\]}]+/g)];
  const [, second] = pieces;
  return pieces.length === 2 && second !== undefined ? output.slice(0, second.index).trimEnd() : null;
}

/** An output token, and how much of what it looked at was context: its share of attention, 0 to 1. */
export interface AlignedToken {
  readonly span: Span;
  readonly contextShare: number;
}

/**
 * The context of an output that is aligned with its source: the beginning with which the tokens agree best. Tokens before the
 * cut should have looked at the context, those behind it at the rest. The cut is at the end of a sentence if there is one and the
 * context is whole sentences, else at the end of a word.
 * @returns null when the context would be everything or nothing
 */
export function splitByAlignment(
  output: string,
  tokens: readonly AlignedToken[],
  wholeSentences: boolean,
): string | null {
  const cutsBehind = (ending: RegExp) =>
    tokens.flatMap(({ span }, i) => (i > 0 && ending.test(output.slice(0, span[0])) ? [i] : []));
  const sentences = wholeSentences ? cutsBehind(sentenceEnd) : [];
  const cuts = [0, ...(sentences.length > 0 ? sentences : cutsBehind(/\s$/)), tokens.length];
  const agreement = (cut: number) =>
    tokens.reduce((sum, { contextShare }, i) => sum + (i < cut ? contextShare : 1 - contextShare), 0);
  const best = cuts.reduce((found, cut) => (agreement(cut) > agreement(found) ? cut : found), 0);
  const [start] = tokens[best]?.span ?? [0];
  return best === 0 || best === tokens.length ? null : output.slice(0, start).trimEnd();
}

/** Up to a sign that ends a sentence, and what closes behind it. */
export const sentenceEnd = /[.?!…。！？]["'”’»)\]]*\s*$/;
