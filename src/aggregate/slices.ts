/** The aggregator `slices`: keeps some of the attributed tokens. */

import { OptionError } from "../errors.ts";
import type { Scores, SequenceAttribution } from "../result/attribution.ts";
import type { Span } from "../text/span.ts";
import { takeAxis } from "./axis.ts";
import { checkedSpans } from "./spans.ts";

export interface SlicesOptions {
  /** Source tokens to keep. Default: all. Not for decoder-only models, whose source is a part of the target. */
  readonly sourceSpans?: Span | readonly Span[] | undefined;
  /**
   * Target tokens to keep; required for decoder-only models. Default: all. The generated tokens are always kept in full.
   */
  readonly targetSpans?: Span | readonly Span[] | undefined;
}

/**
 * The sequence with only the given tokens. Scores are not changed, so columns that added up to 1 no longer do.
 * @throws OptionError when spans do not fit, or are given for a side that the attribution does not have.
 */
export function aggregateSlices(sequence: SequenceAttribution, options: SlicesOptions = {}): SequenceAttribution {
  const { attrPosStart, attrPosEnd } = sequence;
  const decoderOnly = sequence.sourceAttributions === null;
  if (decoderOnly && (options.sourceSpans !== undefined || options.targetSpans === undefined)) {
    throw new OptionError(
      "aggregate: slices: expected targetSpans alone, because this attribution has no source scores, received " +
        `${options.sourceSpans === undefined ? "no spans" : "sourceSpans"}; pass the positions in the target`,
    );
  }
  const targetSpans = checkedSpans("targetSpans", options.targetSpans, sequence.target.length);
  const prefix = options.targetSpans === undefined ? range(0, attrPosStart) : positions(targetSpans, attrPosStart);
  const target = [...prefix, ...range(attrPosStart, sequence.target.length)];
  const sourceSpans = checkedSpans("sourceSpans", options.sourceSpans, sequence.source.length);
  let source = options.sourceSpans === undefined ? range(0, sequence.source.length) : positions(sourceSpans, Infinity);
  if (decoderOnly) source = prefix.filter((index) => index < sequence.source.length);

  const rows = (scores: Scores, indices: readonly number[]) => takeAxis(scores, 0, within(indices, scores, 0));
  const square = (scores: Scores, indices: readonly number[]) =>
    takeAxis(rows(scores, indices), 1, within(indices, scores, 1));
  return {
    ...sequence,
    source: source.flatMap((index) => sequence.source[index] ?? []),
    target: target.flatMap((index) => sequence.target[index] ?? []),
    sourceAttributions: sequence.sourceAttributions && rows(sequence.sourceAttributions, source),
    targetAttributions: sequence.targetAttributions && rows(sequence.targetAttributions, target),
    sequenceScores: Object.fromEntries(
      Object.entries(sequence.sequenceScores).map(([name, scores]) => {
        if (name.startsWith("encoder")) return [name, square(scores, source)];
        if (name.startsWith("decoder")) return [name, square(scores, target)];
        return [name, rows(scores, decoderOnly ? target : source)];
      }),
    ),
    attrPosStart: prefix.length,
    attrPosEnd: prefix.length + attrPosEnd - attrPosStart,
  };
}

/** The tokens `[start, end)` of the source, or of the prompt of a decoder-only model, and everything generated. */
export function slice(sequence: SequenceAttribution, start: number, end: number): SequenceAttribution {
  const side = sequence.sourceAttributions === null ? "targetSpans" : "sourceSpans";
  return aggregateSlices(sequence, { [side]: [start, end] });
}

function positions(spans: readonly Span[], limit: number): number[] {
  return spans.flatMap(([start, end]) => range(start, Math.min(end, limit)));
}

/** `[start, end)`; nothing when the end comes first. */
function range(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, k) => start + k);
}

function within(indices: readonly number[], scores: Scores, axis: number): number[] {
  return indices.filter((index) => index < (scores.shape[axis] ?? 0));
}
