/**
 * The aggregator `subwords`: merges the pieces of each word. Which tokens begin a word is read from the tokens.
 *
 * Three conventions are recognised: `▁` before a word (SentencePiece), `Ġ` for a space, `Ċ` and `ĉ` for a line break
 * and a tab (byte-level vocabularies), and a plain space before a word (decoded tokens). The first token of a text, and
 * one after a line break or a special token, begins a word without any of them. Everything else continues a word,
 * punctuation included. Special tokens (`</s>`, `<|endoftext|>`, `[SEP]`) always stay by themselves.
 */

import { OptionError } from "../errors.ts";
import type { SequenceAttribution, Token } from "../result/attribution.ts";
import type { Span } from "../text/span.ts";
import { type MergeOptions, mergeTokens } from "./spans.ts";

export interface SubwordsOptions extends MergeOptions {
  /** Default: true. */
  readonly aggregateSource?: boolean | undefined;
  /** Default: true. */
  readonly aggregateTarget?: boolean | undefined;
  /** What a token that begins a word starts with, for instance `["Ġ", "Ċ"]`. Default: recognised from the tokens. */
  readonly specialChars?: string | readonly string[] | undefined;
  /** `specialChars` mark the tokens that continue a word (`##` of WordPiece) instead. Default: false. */
  readonly isSuffixSymbol?: boolean | undefined;
  /** Tokens that are never merged. Default: those without characters in the text that look like `<s>`, `<|...|>`, `[SEP]`. */
  readonly specialTokens?: readonly string[] | undefined;
}

/** How to tell the beginning of a word from its continuation. */
interface Convention {
  begins(token: string): boolean;
  /** The next token begins a word, whatever it looks like. */
  endsLine(token: string): boolean;
}

/**
 * The sequence with the pieces of words merged. Without any sign of word boundaries in source and target nothing is.
 * @throws OptionError when no token contains the given `specialChars` but the tokens follow another convention.
 */
export function aggregateSubwords(sequence: SequenceAttribution, options: SubwordsOptions = {}): SequenceAttribution {
  const { aggregateSource = true, aggregateTarget = true } = options;
  const convention = wordConvention([...sequence.source, ...sequence.target], options);
  if (convention === null) return sequence;
  const spans = (tokens: readonly Token[]) => wordSpans(tokens, convention, options.specialTokens);
  return mergeTokens(
    sequence,
    aggregateSource ? spans(sequence.source) : [],
    aggregateTarget ? spans(sequence.target) : [],
    options,
  );
}

/** The ranges of two tokens and more that make a word. */
function wordSpans(
  tokens: readonly Token[],
  convention: Convention,
  specialTokens: readonly string[] | undefined,
): Span[] {
  const spans: Span[] = [];
  let start = 0;
  const close = (end: number) => {
    if (end - start > 1) spans.push([start, end]);
    start = end;
  };
  let fresh = true;
  for (const [index, token] of tokens.entries()) {
    const special = isSpecial(token, specialTokens);
    if (special || fresh || convention.begins(token.token)) close(index);
    fresh = special || convention.endsLine(token.token);
  }
  close(tokens.length);
  return spans;
}

function wordConvention(tokens: readonly Token[], options: SubwordsOptions): Convention | null {
  const { specialChars, isSuffixSymbol = false } = options;
  const found = recognised(tokens);
  if (specialChars === undefined) {
    if (isSuffixSymbol) {
      throw new OptionError(
        "aggregate: subwords: isSuffixSymbol needs specialChars, received none; pass for instance '##'",
      );
    }
    return found?.convention ?? null;
  }
  const marks = typeof specialChars === "string" ? [specialChars] : specialChars;
  if (marks.length === 0 || marks.includes("")) {
    throw new OptionError(
      `aggregate: subwords: specialChars: expected one or more marks, received ${JSON.stringify(specialChars)}`,
    );
  }
  const occurs = tokens.some(({ token }) => marks.some((mark) => token.includes(mark)));
  if (!occurs) {
    if (found === null) return null;
    throw new OptionError(
      `aggregate: subwords: expected tokens with ${marks.join(" or ")} (specialChars), received tokens with ` +
        `${found.mark}; leave specialChars out to have them recognised`,
    );
  }
  return {
    begins: (token) => marks.some((mark) => token.startsWith(mark)) !== isSuffixSymbol,
    endsLine: () => false,
  };
}

/** In this order, because `Ġ`, `Ċ` and `ĉ` are letters where `▁` marks words, and a decoded token may hold any letter. */
function recognised(tokens: readonly Token[]): { readonly mark: string; readonly convention: Convention } | null {
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

/** `<0xE2>` is a byte of the text, not a special token. */
function isSpecial({ token, span }: Token, specialTokens: readonly string[] | undefined): boolean {
  if (specialTokens !== undefined) return specialTokens.includes(token);
  return span === null && /^(<[^<>\s]+>|\[[A-Z]+\])$/.test(token) && !/^<0x[0-9A-Fa-f]{2}>$/.test(token);
}
