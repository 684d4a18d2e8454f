/**
 * Moses' tokenizer (Koehn et al. 2007): words, numbers and signs apart, hyphens as `@-@`, XML's signs as entities. Its result
 * is that of the Python package sacremoses with the options of transformers, but for abbreviations that `abbreviations.ts`
 * does not have, and for letters that Unicode has since 2018.
 */

import { type Edit, rewrite, slice, type TrackedText } from "../trackedText.ts";
import { abbreviationsOf } from "./abbreviations.ts";
import { applyRules, type Rule, rule } from "./rules.ts";

/** The tokens of a text, in order. */
export function mosesTokens(text: TrackedText, language: string): TrackedText[] {
  const spaced = applyRules(text, [...signs, ...(language === "en" ? englishApostrophes : apostrophes)]);
  const stopped = applyRules(separateFullStops(spaced, language), ends);
  const escaped = applyRules(stopped, entities);
  return Array.from(escaped.text.matchAll(/\P{White_Space}+/gu), ({ 0: token, index }) =>
    slice(escaped, index, index + token.length),
  );
}

/** Letters and digits as Moses counts them: Chinese characters and Hangul syllables are signs, apart from each other. */
const ALPHA =
  "(?![\\p{Script=Han}\\uAC00-\\uD7A3\\u{10000}-\\u{10FFFF}])[\\p{Alphabetic}\\u094D\\u09CD\\u0A4D\\u0ACD\\u0B4D\\u0BCD\\u0C4D\\u0CCD\\u0D4D]";
const ALNUM = `(?:${ALPHA}|\\p{Nd})`;
const NOT_ALPHA = `(?:(?!${ALPHA}).)`;
const NUMBER = "(?![\\p{Script=Han}])\\p{N}";
const NOT_NUMBER = `(?:(?!${NUMBER}).)`;

const re = (source: string) => new RegExp(source, "u");

const signs: readonly Rule[] = [
  // Python's white space has the four separators U+001C to U+001F, too.
  rule(re("[\\p{White_Space}\\x1C-\\x1F]+"), " "),
  rule(re("[\\x00-\\x1F]+"), ""),
  rule(/^ | $/u, ""),
  rule(re(`((?!${ALNUM})[^\\s.'\`,\\-])`), " $1 "),
  rule(re(`(${ALNUM})-(?=${ALNUM})`), "$1 @-@ "),
  // Dots in a row stay together.
  rule(/(\.{2,})(?=[^.])/u, " $1 "),
  rule(/(\.{2,})$/u, " $1"),
  // A comma is a sign, except inside a number.
  rule(re(`(${NOT_NUMBER}),`), "$1 , "),
  rule(re(`,(${NOT_NUMBER})`), " , $1"),
  rule(re(`(${NUMBER}),$`), "$1 , "),
];

const apostrophes: readonly Rule[] = [rule(/(')/u, " $1 ")];

/** An English apostrophe belongs to what follows it: `it 's`. */
const englishApostrophes: readonly Rule[] = [
  rule(re(`(${NOT_ALPHA})'(${NOT_ALPHA})`), "$1 ' $2"),
  rule(re(`((?!${NUMBER})${NOT_ALPHA})'(${ALPHA})`), "$1 ' $2"),
  rule(re(`(${ALPHA})'(${NOT_ALPHA})`), "$1 ' $2"),
  rule(re(`(${ALPHA})'(${ALPHA})`), "$1 '$2"),
  rule(re(`(${NUMBER})'(s)`), "$1 '$2"),
];

const ends: readonly Rule[] = [rule(/\p{White_Space}+/u, " "), rule(/^ | $/u, ""), rule(/\.' ?$/u, " . ' ")];

const entities: readonly Rule[] = [
  rule(/&/u, "&amp;"),
  rule(/\|/u, "&#124;"),
  rule(/</u, "&lt;"),
  rule(/>/u, "&gt;"),
  rule(/'/u, "&apos;"),
  rule(/"/u, "&quot;"),
  rule(/\[/u, "&#91;"),
  rule(/\]/u, "&#93;"),
];

/** A full stop at the end of a word is a sign, except behind an abbreviation and where the sentence goes on. */
function separateFullStops(text: TrackedText, language: string): TrackedText {
  const { always, beforeNumbers } = abbreviationsOf(language);
  const words = Array.from(text.text.matchAll(/\P{White_Space}+/gu));
  const edits: Edit[] = [];
  words.forEach(({ 0: word, index }, at) => {
    const prefix = /^(.+)\.$/u.exec(word)?.[1];
    // Dots alone have been dealt with.
    if (prefix === undefined || /^\.+$/.test(prefix)) return;
    const next = words[at + 1]?.[0];
    const isShort = (prefix.includes(".") && re(ALPHA).test(prefix)) || always.has(prefix);
    const goesOn = next !== undefined && /^\p{Lowercase}/u.test(next);
    if (isShort || goesOn || (beforeNumbers.has(prefix) && /^[0-9]/.test(next ?? ""))) return;
    const place = index + prefix.length;
    edits.push({ start: place, end: place, content: " " });
  });
  return rewrite(text, edits);
}
