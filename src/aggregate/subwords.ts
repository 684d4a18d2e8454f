/** The aggregator `subwords`: merges the pieces of each word, by the conventions of `text/words.ts`. */

import { OptionError } from "../errors.ts";
import type { SequenceAttribution, Token } from "../result/attribution.ts";
import { recognisedConvention, type WordConvention, wordRanges } from "../text/words.ts";
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

/**
 * The sequence with the pieces of words merged. Without any sign of word boundaries in source and target nothing is.
 * @throws OptionError when no token contains the given `specialChars` but the tokens follow another convention.
 */
export function aggregateSubwords(sequence: SequenceAttribution, options: SubwordsOptions = {}): SequenceAttribution {
  const { aggregateSource = true, aggregateTarget = true } = options;
  const convention = wordConvention([...sequence.source, ...sequence.target], options);
  if (convention === null) return sequence;
  const spans = (tokens: readonly Token[]) =>
    wordRanges(tokens, convention, options.specialTokens).filter(([start, end]) => end - start > 1);
  return mergeTokens(
    sequence,
    aggregateSource ? spans(sequence.source) : [],
    aggregateTarget ? spans(sequence.target) : [],
    options,
  );
}

function wordConvention(tokens: readonly Token[], options: SubwordsOptions): WordConvention | null {
  const { specialChars, isSuffixSymbol = false } = options;
  const found = recognisedConvention(tokens);
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
