/**
 * The aggregators `words`, `sentences`, `paragraphs` and `documents` (`text/segments.ts` finds them), `turns` of a conversation,
 * and `characters`, spans of the caller's own that count characters: one token of each, with its scores.
 *
 * A segment that reaches from the prompt into what was generated is two: given and written words are never mixed.
 */

import { OptionError } from "../errors.ts";
import type { SequenceAttribution, Token } from "../result/attribution.ts";
import { type SegmentKind, segmentRanges } from "../text/segments.ts";
import type { Span } from "../text/span.ts";
import { type MergeOptions, mergeTokens } from "./spans.ts";

export interface SegmentsOptions extends MergeOptions {
  /** Merge source tokens. Default: true. */
  readonly aggregateSource?: boolean | undefined;
  /** Merge target tokens, a prompt's among them. Default: true. */
  readonly aggregateTarget?: boolean | undefined;
  /** Merge the attributed tokens, too, if target tokens are merged: false keeps a column for each. Default: true. */
  readonly aggregateGenerated?: boolean | undefined;
}

export interface DocumentsOptions extends SegmentsOptions {
  /** What documents begin with. Default: `defaultDocumentPattern`. A string is read with the flags `imu`. */
  readonly documentPattern?: string | RegExp | undefined;
}

export interface CharactersOptions extends MergeOptions {
  /** Ranges `[start, end)` of characters of the source text, as JavaScript counts them: one, or an ascending list. */
  readonly sourceCharacters?: Span | readonly Span[] | undefined;
  /** The same of the target text; of a decoder-only model the whole text, prompt included. */
  readonly targetCharacters?: Span | readonly Span[] | undefined;
}

/** The aggregator for one kind of segments that the text itself tells. */
export function aggregateSegments(kind: SegmentKind) {
  return (sequence: SequenceAttribution, options: DocumentsOptions = {}): SequenceAttribution => {
    const { documentPattern } = options;
    const pattern = documentPattern === undefined ? undefined : compiled(documentPattern);
    return merged(sequence, options, (tokens) => segmentRanges(tokens, kind, pattern));
  };
}

/**
 * The sequence with one token for each message of a conversation, and for what the chat template wrote between them.
 * @throws OptionError when a text was attributed, not a conversation
 */
export function aggregateTurns(sequence: SequenceAttribution, options: SegmentsOptions = {}): SequenceAttribution {
  const { turns } = sequence;
  if (turns === undefined) {
    throw new OptionError(
      "aggregate: turns: expected a conversation, but a text was attributed; give messages { role, content } to attribute",
    );
  }
  const spans = turns.map(({ span }) => span);
  // The turns are those of the input: the source, or the prompt.
  return merged(sequence, options, (tokens, side) => {
    if (sequence.sourceAttributions !== null && side === "target") return [];
    return rangesOf(tokens, spans).filter(([start]) => side === "source" || start < sequence.attrPosStart);
  });
}

/**
 * The sequence with one token for each range of characters. A token belongs to the range in which its first character is.
 * @throws OptionError for ranges that are empty, overlap, are out of order, or in which no token begins
 */
export function aggregateCharacters(
  sequence: SequenceAttribution,
  options: CharactersOptions = {},
): SequenceAttribution {
  const { sourceCharacters, targetCharacters } = options;
  if (sourceCharacters === undefined && targetCharacters === undefined) {
    throw new OptionError(
      "aggregate: characters: expected sourceCharacters or targetCharacters, ranges such as [[0, 12], [13, 40]], received none",
    );
  }
  const ranges = {
    source: checkedRanges("sourceCharacters", sequence.source, sourceCharacters),
    target: checkedRanges("targetCharacters", sequence.target, targetCharacters),
  };
  return merged(sequence, options, (_tokens, side) => ranges[side]);
}

function merged(
  sequence: SequenceAttribution,
  options: SegmentsOptions,
  find: (tokens: readonly Token[], side: "source" | "target") => readonly Span[],
): SequenceAttribution {
  const { aggregateSource = true, aggregateTarget = true, aggregateGenerated = true } = options;
  const cut = sequence.attrPosStart;
  const target = (aggregateTarget ? find(sequence.target, "target") : [])
    .flatMap(([start, end]): Span[] =>
      start < cut && cut < end
        ? [
            [start, cut],
            [cut, end],
          ]
        : [[start, end]],
    )
    .filter(([start]) => aggregateGenerated || start < cut);
  const source = aggregateSource ? find(sequence.source, "source") : [];
  const severalTokens = (spans: readonly Span[]) => spans.filter(([start, end]) => end - start > 1);
  return mergeTokens(sequence, severalTokens(source), severalTokens(target), options);
}

/** The stretches of tokens that begin within the same range of characters. */
function rangesOf(tokens: readonly Token[], spans: readonly Span[]): Span[] {
  const owner = tokens.map(({ span }) =>
    span === null ? -1 : spans.findIndex(([start, end]) => start <= span[0] && span[0] < end),
  );
  const found: Span[] = [];
  for (let start = 0; start < owner.length; ) {
    let end = start + 1;
    while (end < owner.length && owner[end] === owner[start] && owner[start] !== -1) end++;
    if (owner[start] !== -1) found.push([start, end]);
    start = end;
  }
  return found;
}

function checkedRanges(name: string, tokens: readonly Token[], given: Span | readonly Span[] | undefined): Span[] {
  if (given === undefined) return [];
  const spans = (typeof given[0] === "number" ? [given] : given) as readonly Span[];
  const problem = (what: string) => new OptionError(`aggregate: characters: ${name}: ${what}`);
  let before = 0;
  for (const [start, end] of spans) {
    if (!(Number.isInteger(start) && Number.isInteger(end) && before <= start && start < end)) {
      throw problem(
        `expected ascending ranges [start, end) of characters without overlaps, received ${JSON.stringify(given)}`,
      );
    }
    before = end;
    if (rangesOf(tokens, [[start, end]]).length > 0) continue;
    const last = Math.max(0, ...tokens.map(({ span }) => span?.[1] ?? 0));
    throw problem(
      last === 0
        ? "this result does not say where its tokens stand in the text (Inseq's files do not); use spans of tokens"
        : `expected ranges in which tokens begin, found none in [${start}, ${end}); the text has ${last} characters`,
    );
  }
  return rangesOf(tokens, spans);
}

function compiled(pattern: string | RegExp): RegExp {
  if (typeof pattern !== "string") return pattern.global ? pattern : new RegExp(pattern, `${pattern.flags}g`);
  try {
    return new RegExp(pattern, "gimu");
  } catch (error) {
    throw new OptionError(
      `aggregate: documents: expected a regular expression, received documentPattern "${pattern}": ${String(error)}`,
      { cause: error },
    );
  }
}
