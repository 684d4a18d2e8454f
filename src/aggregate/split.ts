/** The aggregator `split`: merges the tokens between the matches of a regular expression. */

import { OptionError } from "../errors.ts";
import { knownName } from "../names.ts";
import type { SequenceAttribution, Token } from "../result/attribution.ts";
import type { Span } from "../text/span.ts";
import { type MergeOptions, mergeTokens } from "./spans.ts";

/** What becomes of matched tokens: by themselves, with what follows them, or with what precedes them. */
export type SplitMode = (typeof splitModes)[number];

const splitModes = ["single", "start", "end"] as const;

export interface SplitOptions extends MergeOptions {
  /** A regular expression over the tokens' strings put together. A string is read with the flag `u`. */
  readonly splitPattern: string | RegExp;
  /** Default: "single". */
  readonly splitMode?: SplitMode | undefined;
  /** Default: true. */
  readonly aggregateSource?: boolean | undefined;
  /** Default: true. */
  readonly aggregateTarget?: boolean | undefined;
}

/**
 * The sequence with each stretch between matches merged; nothing is merged where nothing matches.
 * @throws OptionError when the pattern is missing, is no regular expression, or matches the empty string.
 */
export function aggregateSplit(
  sequence: SequenceAttribution,
  options: Omit<SplitOptions, "splitPattern"> & { readonly splitPattern?: string | RegExp | undefined },
): SequenceAttribution {
  const { splitPattern, splitMode = "single", aggregateSource = true, aggregateTarget = true } = options;
  if (splitPattern === undefined) {
    throw new OptionError(
      'aggregate: split: expected splitPattern, a regular expression such as "[.!?]", received none',
    );
  }
  const mode = knownName("split mode", splitMode, splitModes);
  const pattern = compiled(splitPattern);
  return mergeTokens(
    sequence,
    aggregateSource ? splitSpans(sequence.source, pattern, mode) : [],
    aggregateTarget ? splitSpans(sequence.target, pattern, mode) : [],
    options,
  );
}

/** The spans that partition `tokens`, or none where nothing matches. */
function splitSpans(tokens: readonly Token[], pattern: RegExp, mode: SplitMode): Span[] {
  const matches = matchedTokens(tokens, pattern);
  if (matches.length === 0) return [];
  // Matches that share a token are cut at each other's ends.
  const cuts = [...new Set([0, tokens.length, ...matches.flat()])].sort((a, b) => a - b);
  const spans: Span[] = [];
  let start = 0;
  for (const [k, cut] of cuts.entries()) {
    const next = cuts[k + 1] ?? cut;
    const isMatch = matches.some((match) => match[0] <= cut && next <= match[1]) && next > cut;
    if (mode !== "end" && isMatch && cut > start) {
      spans.push([start, cut]);
      start = cut;
    }
    if ((mode === "single" || (mode === "end" && isMatch)) && next > start) {
      spans.push([start, next]);
      start = next;
    }
  }
  if (start < tokens.length) spans.push([start, tokens.length]);
  return spans;
}

/** The tokens that each match touches. */
function matchedTokens(tokens: readonly Token[], pattern: RegExp): Span[] {
  const ends: number[] = [];
  for (const { token } of tokens) ends.push((ends.at(-1) ?? 0) + token.length);
  const text = tokens.map(({ token }) => token).join("");
  return [...text.matchAll(pattern)].map((match): Span => {
    if (match[0] === "") {
      throw new OptionError(
        `aggregate: split: expected a splitPattern that matches at least one character, received ${pattern}, which ` +
          `matches the empty string at character ${match.index}`,
      );
    }
    const last = match.index + match[0].length;
    return [ends.findIndex((end) => match.index < end), ends.findIndex((end) => last <= end) + 1];
  });
}

function compiled(pattern: string | RegExp): RegExp {
  if (typeof pattern !== "string") return pattern.global ? pattern : new RegExp(pattern, `${pattern.flags}g`);
  try {
    return new RegExp(pattern, "gu");
  } catch (error) {
    throw new OptionError(
      `aggregate: split: expected a regular expression, received splitPattern "${pattern}": ${String(error)}`,
      { cause: error },
    );
  }
}
