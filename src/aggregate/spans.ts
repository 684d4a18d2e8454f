/**
 * The aggregator `spans`: merges neighbouring tokens into one, with their scores. `subwords` and `split` find the spans
 * by themselves and share what is here.
 */

import { OptionError } from "../errors.ts";
import type { Completeness, Scores, SequenceAttribution, Token } from "../result/attribution.ts";
import type { Span } from "../text/span.ts";
import { mergeAxis, partition, type Reducer } from "./axis.ts";
import { type AggregateFn, type AggregationFunctionId, aggregationFunction } from "./functions.ts";

export interface MergeOptions {
  /** One function for every score. Default: `absmax`, and for step scores the table below. */
  readonly aggregateFn?: AggregateFn | undefined;
  /** Order of the norm for `vnorm`. Default: 2. */
  readonly vnormOrd?: number | undefined;
}

export interface SpansOptions extends MergeOptions {
  /** Ranges `[start, end)` of source tokens: one, or an ascending list without overlaps. */
  readonly sourceSpans?: Span | readonly Span[] | undefined;
  /** Ranges of target tokens, prefix or prompt included. */
  readonly targetSpans?: Span | readonly Span[] | undefined;
}

/** How the step scores of merged tokens combine; what is not named here combines by `absmax`. */
const stepScoreFunctions: Readonly<Record<string, AggregationFunctionId>> = {
  probability: "prod",
  entropy: "sum",
  crossentropy: "sum",
  perplexity: "prod",
  contrast_prob_diff: "prod",
  contrast_prob: "prod",
  pcxmi: "sum",
  kl_divergence: "sum",
  mc_dropout_prob_avg: "prod",
};

/**
 * The sequence with the tokens of each span merged: strings joined, id -1, characters from the first start to the last
 * end. Scores are merged over generated tokens first, then over attributed ones. A span of the prefix changes rows
 * only; one that crosses `attrPosStart` becomes one token with the scores of its attributed part.
 * @throws OptionError when the spans are empty, overlap, are out of order or out of range.
 */
export function aggregateSpans(sequence: SequenceAttribution, options: SpansOptions = {}): SequenceAttribution {
  const source = checkedSpans("sourceSpans", options.sourceSpans, sequence.source.length);
  const target = checkedSpans("targetSpans", options.targetSpans, sequence.target.length);
  return mergeTokens(sequence, source, target, options);
}

/** The merging itself, for spans that are known to be ascending, not empty, without overlaps and in range. */
export function mergeTokens(
  sequence: SequenceAttribution,
  sourceSpans: readonly Span[],
  targetSpans: readonly Span[],
  { aggregateFn, vnormOrd = 2 }: MergeOptions,
): SequenceAttribution {
  const { attrPosStart, attrPosEnd } = sequence;
  const generatedSpans = relativeTo(attrPosStart, attrPosEnd, targetSpans);
  const reducer = (fallback: string): Reducer => {
    const reduce = aggregationFunction(aggregateFn ?? fallback);
    return (values) => reduce(values, { vnormOrd });
  };
  const merge = (scores: Scores, rows: readonly Span[], columns: readonly Span[]) =>
    mergeAxis(mergeAxis(scores, 1, columns, reducer("absmax")), 0, rows, reducer("absmax"));
  const stepFunction = (name: string) => sequence.stepScoreAggregation[name] ?? stepScoreFunctions[name] ?? "absmax";

  const start = partition(targetSpans, sequence.target.length).findIndex((range) => range.end > attrPosStart);
  const generated = partition(generatedSpans, attrPosEnd - attrPosStart).length;
  const newStart = start < 0 ? attrPosStart : start;
  return {
    ...sequence,
    source: mergedTokens(sequence.source, sourceSpans),
    target: mergedTokens(sequence.target, targetSpans),
    sourceAttributions: sequence.sourceAttributions && merge(sequence.sourceAttributions, sourceSpans, generatedSpans),
    targetAttributions: sequence.targetAttributions && merge(sequence.targetAttributions, targetSpans, generatedSpans),
    stepScores: mapEntries(sequence.stepScores, (name, scores) =>
      mergeAxis(scores, 0, generatedSpans, reducer(stepFunction(name))),
    ),
    sequenceScores: mapEntries(sequence.sequenceScores, (name, scores) => {
      if (name.startsWith("encoder")) return merge(scores, sourceSpans, sourceSpans);
      if (name.startsWith("decoder")) return merge(scores, targetSpans, targetSpans);
      return merge(scores, sequence.sourceAttributions === null ? targetSpans : sourceSpans, generatedSpans);
    }),
    attrPosStart: newStart,
    attrPosEnd: newStart + generated,
    ...(sequence.completeness && { completeness: mergedCompleteness(sequence.completeness, generatedSpans) }),
  };
}

/** The scores of several steps together explain the sum of what each of them does. */
function mergedCompleteness({ value, baseline, sum, gap }: Completeness, spans: readonly Span[]): Completeness {
  const total = aggregationFunction("sum");
  const merged = (values: Float32Array) =>
    mergeAxis({ shape: [values.length], values }, 0, spans, (parts) => total(parts, { vnormOrd: 2 })).values;
  return { value: merged(value), baseline: baseline && merged(baseline), sum: merged(sum), gap: gap && merged(gap) };
}

/**
 * Spans as a list.
 * @throws OptionError unless they are ascending, not empty, without overlaps and within `[0, length]`.
 */
export function checkedSpans(name: string, spans: Span | readonly Span[] | undefined, length: number): readonly Span[] {
  if (spans === undefined) return [];
  const list = isSpan(spans) ? [spans] : spans;
  let previousEnd = 0;
  for (const [start, end] of list) {
    const fits =
      Number.isInteger(start) && Number.isInteger(end) && previousEnd <= start && start < end && end <= length;
    if (!fits) {
      throw new OptionError(
        `aggregate: ${name}: expected ascending ranges [start, end) that do not overlap, within the ${length} tokens, ` +
          `received ${JSON.stringify(spans)}`,
      );
    }
    previousEnd = end;
  }
  return list;
}

/** The parts of target spans that lie in the attributed columns, counted from the first one. */
function relativeTo(start: number, end: number, spans: readonly Span[]): Span[] {
  return spans
    .filter((span) => span[1] > start && span[0] < end)
    .map((span): Span => [Math.max(span[0], start) - start, Math.min(span[1], end) - start]);
}

function mergedTokens(tokens: readonly Token[], spans: readonly Span[]): readonly Token[] {
  return partition(spans, tokens.length).flatMap(({ start, end }) => {
    const parts = tokens.slice(start, end);
    return parts.length === 1 ? parts : [joined(parts)];
  });
}

function joined(parts: readonly Token[]): Token {
  const first = parts[0]?.span ?? null;
  const last = parts.at(-1)?.span ?? null;
  return {
    token: parts.map((part) => part.token).join(""),
    id: -1,
    span: first !== null && last !== null ? [first[0], last[1]] : null,
  };
}

function mapEntries(
  record: Readonly<Record<string, Scores>>,
  change: (name: string, scores: Scores) => Scores,
): Readonly<Record<string, Scores>> {
  return Object.fromEntries(Object.entries(record).map(([name, scores]) => [name, change(name, scores)]));
}

function isSpan(spans: Span | readonly Span[]): spans is Span {
  return typeof spans[0] === "number";
}
