/** Every aggregation that test/golden records of the real Inseq, from its raw scores to its aggregated ones. */

import { describe, expect, test } from "vitest";
import { type AggregateOptions, aggregate } from "../../src/aggregate/aggregate.ts";
import type { SequenceAttribution, Token } from "../../src/result/attribution.ts";
import type { Span } from "../../src/text/span.ts";
import {
  type AggregatedSequence,
  difference,
  type GoldenAggregation,
  goldenAggregated,
  goldenCases,
  goldenRaw,
  referenceArchitectures,
} from "../support/goldenResults.ts";

// Both sides add float32 numbers, in different orders; the files have 9 digits.
const tolerance = 1e-6;

describe.each(referenceArchitectures)("%s", (architecture) => {
  const aggregations = goldenCases(architecture).flatMap(({ id, expected, aggregations }) =>
    expected === null ? [] : aggregations.map((aggregation) => ({ id, aggregation })),
  );

  test("has aggregations to compare", () => {
    expect(aggregations.length).toBeGreaterThan(5);
  });

  test.each(aggregations.map((item) => ({ ...item, title: `${item.id}: ${item.aggregation.id}` })))(
    "$title",
    async ({ id, aggregation }) => {
      const expected = goldenAggregated(architecture, aggregation.expected);
      const { sequences } = await goldenRaw(architecture, id);
      const other = aggregation.paired_case ? await goldenRaw(architecture, aggregation.paired_case) : null;
      expect(sequences.length).toBe(expected.length);
      for (const [i, sequence] of sequences.entries()) {
        const wanted = expected[i];
        if (wanted === undefined) throw new Error(`no expected sequence ${i}`);
        compare(sequence, aggregation, wanted, other?.sequences[i]);
      }
    },
  );
});

function compare(
  sequence: SequenceAttribution,
  aggregation: GoldenAggregation,
  wanted: AggregatedSequence,
  other: SequenceAttribution | undefined,
): void {
  if (aggregation.do === "select") {
    expectEqual(selectStages(sequence, aggregation.args), wanted);
  } else if (aggregation.do === "aggregate_first") {
    if (other === undefined) throw new Error("no paired sequence");
    expectEqual(aggregate(aggregate(sequence), { aggregator: "pair", pairedAttr: aggregate(other) }), wanted);
  } else if (JSON.stringify(aggregation.args.aggregator)?.includes("subwords")) {
    compareSubwords(sequence, aggregation, wanted);
  } else if (JSON.stringify(aggregation.args.aggregator)?.includes("slices")) {
    compareSlices(sequence, aggregation, wanted);
  } else {
    expectEqual(aggregate(sequence, optionsOf(aggregation)), wanted);
  }
}

/** One call for each stage, each with its own selection. */
function selectStages(sequence: SequenceAttribution, args: GoldenAggregation["args"]): SequenceAttribution {
  const stages = args.aggregator as [["scores" | "mean", number | [number, number] | null]];
  return stages.reduce((result, [aggregator, selected]) => {
    const range = Array.isArray(selected) ? { start: selected[0], end: selected[1] } : selected;
    return aggregate(result, { aggregator, selectIdx: range ?? undefined, doPostAggregationChecks: false });
  }, sequence);
}

/**
 * Inseq never merges the last token. Its numbers are compared for its own spans; that ours are those with the last word
 * complete is compared with the same words, spelt out.
 */
function compareSubwords(
  sequence: SequenceAttribution,
  aggregation: GoldenAggregation,
  wanted: AggregatedSequence,
): void {
  const { aggregator, ...rest } = aggregation.args;
  const stages = [aggregator].flat().map((name) => (name === "subwords" ? "spans" : name));
  const marks = rest.special_chars as string | string[];
  const onlySource = rest.aggregate_target === false;
  const spans = (tokens: readonly Token[], lastToo: boolean) => wordsOf(tokens, [marks].flat(), lastToo);
  const merged = (lastToo: boolean) =>
    aggregate(sequence, {
      aggregator: stages,
      sourceSpans: spans(sequence.source, lastToo),
      targetSpans: onlySource ? [] : spans(sequence.target, lastToo),
      doPostAggregationChecks: false,
    } as AggregateOptions);
  expectEqual(merged(false), wanted);
  const options = { ...optionsOf(aggregation), doPostAggregationChecks: false };
  // How it was done is another matter.
  const numbers = (result: SequenceAttribution) => ({ ...result, aggregations: [] });
  expect(numbers(aggregate(sequence, options))).toEqual(numbers(merged(true)));
  const { specialChars: _given, ...recognised } = options as AggregateOptions & { specialChars?: unknown };
  expect(numbers(aggregate(sequence, recognised))).toEqual(numbers(merged(true)));
}

/** The words of golden texts: a mark begins one, and `</s>`, `<s>` and `<pad>` are no parts of words. */
function wordsOf(tokens: readonly Token[], marks: readonly string[], lastToo: boolean): Span[] {
  const starts = tokens.flatMap(({ token }, i) => {
    const special = ["</s>", "<s>", "<pad>"].includes(token);
    return i === 0 || special || marks.some((mark) => token.startsWith(mark)) ? [i] : [];
  });
  const last = tokens.length - 1;
  const ends = [...starts.slice(1), lastToo || starts.includes(last) ? tokens.length : last];
  return starts.flatMap((start, i): Span[] => ((ends[i] ?? 0) - start > 1 ? [[start, ends[i] ?? 0]] : []));
}

/** Inseq drops the target prefix of an encoder-decoder model when only source tokens are chosen; here it stays. */
function compareSlices(
  sequence: SequenceAttribution,
  aggregation: GoldenAggregation,
  wanted: AggregatedSequence,
): void {
  const sliced = aggregate(sequence, optionsOf(aggregation));
  const dropped = sliced.attrPosStart - wanted.attr_pos_start;
  expect(dropped).toBe(sequence.sourceAttributions === null ? 0 : sequence.attrPosStart);
  expectEqual(
    {
      ...sliced,
      target: sliced.target.slice(dropped),
      targetAttributions: sliced.targetAttributions && {
        shape: sliced.targetAttributions.shape.with(0, (sliced.targetAttributions.shape[0] ?? 0) - dropped),
        values: sliced.targetAttributions.values.slice(dropped * (sliced.targetAttributions.shape[1] ?? 0)),
      },
      attrPosStart: sliced.attrPosStart - dropped,
      attrPosEnd: sliced.attrPosEnd - dropped,
    },
    wanted,
  );
}

/** Inseq's arguments as ours; raw results keep their further axes, which views could not show. */
function optionsOf({ id, args }: GoldenAggregation): AggregateOptions {
  const camel = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  const options = Object.fromEntries(Object.entries(args).map(([name, value]) => [camel(name), value]));
  return { ...options, ...(id.includes("raw") ? { doPostAggregationChecks: false } : {}) } as AggregateOptions;
}

function expectEqual(received: SequenceAttribution, wanted: AggregatedSequence): void {
  expect(received.source.map(({ token }) => token)).toEqual(wanted.source);
  expect(received.target.map(({ token }) => token)).toEqual(wanted.target);
  expect([received.attrPosStart, received.attrPosEnd]).toEqual([wanted.attr_pos_start, wanted.attr_pos_end]);
  expect(difference(received.sourceAttributions, wanted.source_attributions, tolerance)).toBeNull();
  expect(difference(received.targetAttributions, wanted.target_attributions, tolerance)).toBeNull();
  for (const [mine, theirs] of [
    [received.stepScores, wanted.step_scores],
    [received.sequenceScores, wanted.sequence_scores],
  ] as const) {
    expect(Object.keys(mine).sort()).toEqual(Object.keys(theirs).sort());
    for (const [name, scores] of Object.entries(theirs)) {
      expect([name, difference(mine[name] ?? null, scores, tolerance)]).toEqual([name, null]);
    }
  }
}
