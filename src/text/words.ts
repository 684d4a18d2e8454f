/**
 * Words of tokens as the vocabulary marks them. Which tokens begin a word is read from the tokens.
 *
 * Three conventions are recognised: `▁` before a word (SentencePiece), `Ġ` for a space, `Ċ` and `ĉ` for a line break
 * and a tab (byte-level vocabularies), and a plain space before a word (decoded tokens). The first token of a text, and
 * one after a line break or a special token, begins a word without any of them. Everything else continues a word,
 * punctuation included. Special tokens (`</s>`, `<|endoftext|>`, `[SEP]`) always stay by themselves.
 */

import type { Span } from "./span.ts";

/** A token as the vocabulary writes it, and its characters in the text; null for special ones around it. */
export interface Piece {
  readonly token: string;
  readonly span: Span | null;
}

/** How to tell the beginning of a word from its continuation. */
export interface WordConvention {
  begins(token: string): boolean;
  /** The next token begins a word, whatever it looks like. */
  endsLine(token: string): boolean;
}

/** The ranges of tokens that make a word each; they cover all tokens. */
export function wordRanges(
  tokens: readonly Piece[],
  convention: WordConvention,
  specialTokens?: readonly string[],
): Span[] {
  const ranges: Span[] = [];
  let start = 0;
  const close = (end: number) => {
    if (end > start) ranges.push([start, end]);
    start = end;
  };
  let fresh = true;
  for (const [index, token] of tokens.entries()) {
    const special = isSpecial(token, specialTokens);
    if (special || fresh || convention.begins(token.token)) close(index);
    fresh = special || convention.endsLine(token.token);
  }
  close(tokens.length);
  return ranges;
}

/** In this order, because `Ġ`, `Ċ` and `ĉ` are letters where `▁` marks words, and a decoded token may hold any letter. */
export function recognisedConvention(
  tokens: readonly Piece[],
): { readonly mark: string; readonly convention: WordConvention } | null {
  const byteToken = /^<0x0[9AD]>$/;
  const known = [
    {
      mark: "▁",
      begins: (token: string) => token.startsWith("▁") || byteToken.test(token),
      endsLine: (token: string) => byteToken.test(token) || /[\t\r\n]$/.test(token),
    },
    {
      mark: "Ġ",
      begins: (token: string) => /^[ĠĊĉč]/.test(token),
      endsLine: (token: string) => /[Ċĉč]$/.test(token),
    },
    {
      mark: " ",
      begins: (token: string) => /^\s/.test(token),
      endsLine: (token: string) => /[\t\r\n]$/.test(token),
    },
  ];
  const found = known.find(({ mark }) => tokens.some(({ token }) => token.startsWith(mark)));
  return found === undefined ? null : { mark: found.mark, convention: found };
}

/** Whether a token was put around the text. `<0xE2>` is a byte of the text. */
export function isSpecial({ token, span }: Piece, specialTokens: readonly string[] | undefined): boolean {
  if (specialTokens !== undefined) return specialTokens.includes(token);
  return span === null && /^(<[^<>\s]+>|\[[A-Z]+\])$/.test(token) && !/^<0x[0-9A-Fa-f]{2}>$/.test(token);
}
