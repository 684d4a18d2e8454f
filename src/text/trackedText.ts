/**
 * A text that remembers where it came from.
 *
 * A tokenizer rewrites its text before it looks words up: NFKC changes lengths, spaces become `▁`, characters become
 * bytes. Every such step is a list of edits, and `rewrite` carries the origin of each character along, so that the
 * characters behind a token are known by construction. The rules are:
 *
 * - a character that a step leaves alone keeps its origin;
 * - every character of an edit's replacement comes from everything the edit replaced (`ﬁ` → `fi`: both from the ligature;
 *   a run of spaces → `▁`: from the whole run);
 * - an inserted character comes from an empty span at the place of insertion.
 *
 * Origins never run backwards: both `starts` and `ends` are non-decreasing.
 */

import type { Span } from "./span.ts";

export interface TrackedText {
  readonly text: string;
  /** For each UTF-16 unit of `text`, where the characters that it came from start in the original text. */
  readonly starts: Int32Array;
  /** For each UTF-16 unit of `text`, where the characters that it came from end in the original text. */
  readonly ends: Int32Array;
}

/** Replace the units `[start, end)` by `content`; an empty range inserts. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly content: string;
}

/** A text at the start of its journey: every character comes from itself (both halves of a surrogate pair from the pair). */
export function track(text: string): TrackedText {
  const starts = new Int32Array(text.length);
  const ends = new Int32Array(text.length);
  for (let at = 0; at < text.length; ) {
    const end = at + characterWidth(text, at);
    for (let unit = at; unit < end; unit++) {
      starts[unit] = at;
      ends[unit] = end;
    }
    at = end;
  }
  return { text, starts, ends };
}

/** UTF-16 units of the code point at `at`: 2 for a surrogate pair, otherwise 1. */
export function characterWidth(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

/** The units `[start, end)`, with their origins. */
export function slice(source: TrackedText, start: number, end: number): TrackedText {
  return {
    text: source.text.slice(start, end),
    starts: source.starts.subarray(start, end),
    ends: source.ends.subarray(start, end),
  };
}

/** Applies edits, which are in order and do not overlap. */
export function rewrite(source: TrackedText, edits: readonly Edit[]): TrackedText {
  if (edits.length === 0) return source;
  const growth = edits.reduce((sum, edit) => sum + edit.content.length - (edit.end - edit.start), 0);
  const starts = new Int32Array(source.text.length + growth);
  const ends = new Int32Array(source.text.length + growth);
  const parts: string[] = [];
  let read = 0;
  let written = 0;
  const copyUntil = (end: number) => {
    parts.push(source.text.slice(read, end));
    starts.set(source.starts.subarray(read, end), written);
    ends.set(source.ends.subarray(read, end), written);
    written += end - read;
    read = end;
  };
  for (const edit of edits) {
    copyUntil(edit.start);
    const [start, end] = origin(source, edit.start, edit.end);
    parts.push(edit.content);
    starts.fill(start, written, written + edit.content.length);
    ends.fill(end, written, written + edit.content.length);
    written += edit.content.length;
    read = edit.end;
  }
  copyUntil(source.text.length);
  return { text: parts.join(""), starts, ends };
}

/** The characters of the original text behind the units `[start, end)`; an empty span for an empty range. */
export function origin(source: TrackedText, start: number, end: number): Span {
  if (start < end) return [source.starts[start] ?? 0, source.ends[end - 1] ?? 0];
  const place = source.starts[start] ?? source.ends[start - 1] ?? 0;
  return [place, place];
}

/**
 * `span` without the white space at its ends; a span of nothing but white space stays as it is.
 * Some tokenizers keep the space before a word in the word's token and others drop it: trimmed, all spans are alike.
 */
export function trimSpan(text: string, [start, end]: Span): Span {
  const characters = text.slice(start, end);
  const left = leadingSpace(characters);
  if (left === characters.length) return [start, end];
  return [start + left, end - trailingSpace(characters)];
}

/** UTF-16 units of Unicode white space at the start of a text. */
export function leadingSpace(text: string): number {
  let count = 0;
  while (count < text.length && WHITE_SPACE.test(text[count] ?? "")) count++;
  return count;
}

/** UTF-16 units of Unicode white space at the end of a text. */
export function trailingSpace(text: string): number {
  let end = text.length;
  while (end > 0 && WHITE_SPACE.test(text[end - 1] ?? "")) end--;
  return text.length - end;
}

/** Unlike `trim`, this knows U+0085 and leaves U+FEFF alone. */
const WHITE_SPACE = /\p{White_Space}/u;
