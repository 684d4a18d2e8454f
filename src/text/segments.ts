/**
 * Words, sentences, paragraphs and documents of a text that is there as tokens: the text is spelled from the tokens
 * (`tokenText.ts`) and segmented, and every token goes to the segment of its first character that is no space. A segment
 * that no token begins in has no tokens, so words that share a token are one.
 *
 * Words and sentences are those of Unicode's text segmentation (UAX #29, `Intl.Segmenter`), which knows scripts without
 * spaces; punctuation marks are words of their own there. A full stop before a capital ends a sentence, also in "Mr. Smith".
 * Paragraphs are apart by an empty line. Documents begin where `documentPattern` matches.
 */

import type { Span } from "./span.ts";
import { spelledText } from "./tokenText.ts";
import { isSpecial, type Piece } from "./words.ts";

/** What a text can be cut into. */
export const segmentKinds = ["words", "sentences", "paragraphs", "documents"] as const;
export type SegmentKind = (typeof segmentKinds)[number];

/**
 * How documents of prompts are announced, at the beginning of a line: `[1]`, `Document 1:`, `Passage [2]`, `<document>`, a line
 * of dashes or equals signs; a line that begins with `Question:`, `Query:`, `Answer:` or `Instructions:` ends the last one.
 */
const defaultDocumentPattern =
  /^[^\S\n]*(?:\[\d+\]|(?:document|passage|source|article|context|text)\s*\[?#?\d+\b|<(?:document|doc|passage|source|context)\b|[-=]{3,}[^\S\n]*$|(?:question|query|answer|instructions?)\s*:)/gimu;

/** The ranges of tokens that make a segment each; they cover all tokens. Special tokens stay by themselves. */
export function segmentRanges(
  tokens: readonly Piece[],
  kind: SegmentKind,
  documentPattern: RegExp = defaultDocumentPattern,
): Span[] {
  const ranges: Span[] = [];
  for (const [from, to] of runsWithoutSpecial(tokens)) {
    const { text, starts } = spelledText(tokens.slice(from, to).map(({ token }) => token));
    // White space in front belongs to the first one.
    const cuts = cutsOf(text, kind, documentPattern).filter((cut) => text.slice(0, cut).trim() !== "");
    const segmentOf = starts.map((start, i) => {
      const spaces = /^\s*/u.exec(text.slice(start, starts[i + 1]))?.[0].length ?? 0;
      const first = start + spaces < (starts[i + 1] ?? text.length) ? start + spaces : start;
      return cuts.findLastIndex((cut) => cut <= first);
    });
    let begin = from;
    for (let at = from + 1; at <= to; at++) {
      if (at < to && segmentOf[at - from] === segmentOf[at - 1 - from]) continue;
      if (at > begin) ranges.push([begin, at]);
      begin = at;
    }
  }
  return ranges;
}

/** Stretches between special tokens, and each of those alone. */
function runsWithoutSpecial(tokens: readonly Piece[]): Span[] {
  const runs: Span[] = [];
  let start = 0;
  for (const [i, token] of tokens.entries()) {
    if (!isSpecial(token, undefined)) continue;
    if (i > start) runs.push([start, i]);
    runs.push([i, i + 1]);
    start = i + 1;
  }
  if (tokens.length > start) runs.push([start, tokens.length]);
  return runs;
}

/** Where segments begin, ascending; white space belongs to what is before it. */
function cutsOf(text: string, kind: SegmentKind, documentPattern: RegExp): number[] {
  switch (kind) {
    case "words":
      return segmenter("word", text);
    case "sentences":
      return segmenter("sentence", text);
    case "paragraphs":
      return [...text.matchAll(/\n[^\S\n]*\n\s*/gu)].map(({ index, 0: gap }) => index + gap.length);
    case "documents":
      return [...text.matchAll(documentPattern)].map(({ index, 0: head }) => index + head.search(/\S|$/u));
    default:
      throw kind satisfies never;
  }
}

/** The rules are the same for all languages; dictionaries for scripts without spaces are chosen by the script. */
function segmenter(granularity: "word" | "sentence", text: string): number[] {
  const segments = [...new Intl.Segmenter("en", { granularity }).segment(text)];
  return segments.filter(({ segment }) => segment.trim() !== "").map(({ index }) => index);
}
