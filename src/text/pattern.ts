/**
 * Patterns of `tokenizer.json`: a literal string, or a regular expression in Oniguruma's language.
 * The library `@huggingface/tokenizers` translates the latter to JavaScript's.
 */

import { SplitPreTokenizer } from "@huggingface/tokenizers";
import { FileError, UnsupportedError } from "../errors.ts";
import type { Json } from "../json.ts";
import { asObject, asString } from "./json.ts";

/** The non-empty matches of a pattern in a text, as `[start, end)` in order. */
export type Matcher = (text: string) => (readonly [start: number, end: number])[];

/** @throws UnsupportedError when a regular expression cannot be expressed in JavaScript. */
export function readPattern(value: Json | undefined, where: string): Matcher {
  const pattern = asObject(value, where);
  if (pattern.String !== undefined) return literalMatcher(asString(pattern.String, where));
  if (pattern.Regex !== undefined) return regexMatcher(translate(asString(pattern.Regex, where), where));
  throw new FileError(`${where}: expected {"String": …} or {"Regex": …}, received ${JSON.stringify(pattern)}`);
}

/** Matches of a JavaScript regular expression, which needs the flag `g`. */
export function regexMatcher(regex: RegExp): Matcher {
  return (text) =>
    Array.from(text.matchAll(regex), (match) => [match.index, match.index + match[0].length] as const).filter(
      ([start, end]) => end > start,
    );
}

function literalMatcher(literal: string): Matcher {
  return (text) => {
    const matches: [number, number][] = [];
    if (literal.length === 0) return matches;
    for (let at = text.indexOf(literal); at >= 0; at = text.indexOf(literal, at + literal.length)) {
      matches.push([at, at + literal.length]);
    }
    return matches;
  };
}

function translate(source: string, where: string): RegExp {
  try {
    const { pattern } = new SplitPreTokenizer({
      type: "Split",
      pattern: { Regex: source },
      behavior: "Isolated",
      invert: false,
    });
    if (pattern !== null) return pattern;
  } catch (cause) {
    throw new UnsupportedError(
      `${where}: expected a regular expression that JavaScript can express, received ${source}`,
      {
        cause,
      },
    );
  }
  throw new UnsupportedError(`${where}: expected a regular expression, received ${source}`);
}
