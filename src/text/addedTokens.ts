/**
 * Added tokens: strings such as `</s>` or `<|endoftext|>` that are found in a text before anything else is done with it,
 * and are never cut.
 */

import type { Json } from "../json.ts";
import { asFlag, asId, asObject, asString } from "./json.ts";
import { leadingSpace, trailingSpace } from "./trackedText.ts";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Only where no letter touches it. */
  readonly singleWord: boolean;
  /** Takes the white space before it along. */
  readonly leftStrip: boolean;
  readonly rightStrip: boolean;
  /** Looked for in the normalised text, itself normalised. */
  readonly normalized: boolean;
  /** Left out by `decode` with `skipSpecialTokens`. */
  readonly special: boolean;
}

/** A stretch of text, or an added token in it. */
export interface Section {
  readonly start: number;
  readonly end: number;
  readonly token: AddedToken | undefined;
}

/** Reads `{ id, content, single_word, lstrip, rstrip, normalized, special }`; the id may be given separately. */
export function readAddedToken(value: Json, where: string, id?: number): AddedToken {
  const config = asObject(value, where);
  const special = asFlag(config.special, where, false);
  return {
    id: id ?? asId(config.id, `${where}.id`),
    content: asString(config.content, `${where}.content`),
    singleWord: asFlag(config.single_word, where, false),
    leftStrip: asFlag(config.lstrip, where, false),
    rightStrip: asFlag(config.rstrip, where, false),
    normalized: asFlag(config.normalized, where, !special),
    special,
  };
}

/** An added token that says nothing but its content: special, and matched exactly. */
export function plainSpecialToken(id: number, content: string): AddedToken {
  return { id, content, singleWord: false, leftStrip: false, rightStrip: false, normalized: false, special: true };
}

/**
 * A function that cuts a text at added tokens: the leftmost one first, and of several that start there the longest.
 * `contents` are the strings to look for.
 */
export function addedTokenSplitter(contents: readonly (readonly [string, AddedToken])[]): (text: string) => Section[] {
  const tokens = new Map(contents.filter(([content]) => content.length > 0));
  if (tokens.size === 0) return (text) => (text.length > 0 ? [{ start: 0, end: text.length, token: undefined }] : []);
  const alternatives = [...tokens.keys()].sort((a, b) => b.length - a.length).map(escapeRegex);
  const finder = new RegExp(alternatives.join("|"), "gu");
  return (text) => {
    const sections: Section[] = [];
    let read = 0;
    for (const { 0: content, index } of text.matchAll(finder)) {
      const token = tokens.get(content);
      if (token === undefined || (token.singleWord && touchesWord(text, index, index + content.length))) continue;
      const start = token.leftStrip ? Math.max(read, index - trailingSpace(text.slice(0, index))) : index;
      const end = index + content.length + (token.rightStrip ? leadingSpace(text.slice(index + content.length)) : 0);
      if (start > read) sections.push({ start: read, end: start, token: undefined });
      sections.push({ start, end, token });
      read = end;
    }
    if (read < text.length) sections.push({ start: read, end: text.length, token: undefined });
    return sections;
  };
}

function escapeRegex(literal: string): string {
  return literal.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

function touchesWord(text: string, start: number, end: number): boolean {
  return /[\p{L}\p{M}\p{N}\p{Pc}]$/u.test(text.slice(0, start)) || /^[\p{L}\p{M}\p{N}\p{Pc}]/u.test(text.slice(end));
}
