/** Words, sentences and longer parts as one token each, on both sides, and what the results say of it. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aggregate } from "../../src/aggregate/aggregate.ts";
import { subtract } from "../../src/aggregate/pair.ts";
import { OptionError } from "../../src/errors.ts";
import type { Completeness, SequenceAttribution } from "../../src/result/attribution.ts";
import { decoderOnly, sequences } from "../support/sequences.ts";

const words = (tokens: SequenceAttribution["target"]): string[] => tokens.map(({ token }) => token);
const text = ["Tom", "Ġhid", ".", "ĠHe", "Ġslept", ".", "ĠHe", "Ġwoke", "."];
/** The generated tokens begin in the middle of the last sentence. */
const story = decoderOnly(text, 2);

describe("a decoder-only model's text", () => {
  test("is cut where the prompt ends", () => {
    const merged = aggregate(story, { aggregator: "sentences" });
    expect(words(merged.target)).toEqual(["TomĠhid.", "ĠHeĠslept.", "ĠHe", "Ġwoke."]);
    expect([merged.attrPosStart, merged.attrPosEnd]).toEqual([3, 4]);
    expect(merged.targetAttributions?.shape.slice(0, 2)).toEqual([4, 1]);
  });

  test("keeps a column for each generated token when asked", () => {
    const merged = aggregate(story, { aggregator: "sentences", aggregateGenerated: false });
    expect(words(merged.target)).toEqual(["TomĠhid.", "ĠHeĠslept.", "ĠHe", "Ġwoke", "."]);
    expect(merged.targetAttributions?.shape.slice(0, 2)).toEqual([5, 2]);
    expect(words(aggregate(story, { aggregator: "sentences", aggregateTarget: false }).target)).toEqual(text);
  });

  test("is merged by characters of the caller's own", () => {
    // "Tom hid. He" without the spaces that spans leave out.
    const spans = [0, 4, 7, 9, 12, 17, 19, 22, 26];
    const placed = {
      ...story,
      target: story.target.map((token, i) => ({ ...token, span: [spans[i] ?? 0, (spans[i] ?? 0) + 2] as const })),
    };
    const merged = aggregate(placed, {
      aggregator: "characters",
      targetCharacters: [
        [0, 8],
        [9, 15],
      ],
    });
    expect(words(merged.target).slice(0, 3)).toEqual(["TomĠhid.", "ĠHeĠslept", "."]);
    const wrong = (targetCharacters: [number, number][]) => () =>
      aggregate(placed, { aggregator: "characters", targetCharacters });
    expect(wrong([[3, 4]])).toThrow(/found none in \[3, 4\).*28 characters/);
    expect(wrong([[4, 4]])).toThrow(/ascending ranges/);
    expect(
      wrong([
        [0, 5],
        [4, 9],
      ]),
    ).toThrow(/without overlaps/);
    expect(() => aggregate(placed, { aggregator: "characters" })).toThrow(/received none/);
    const unplaced = { ...story, target: story.target.map((token) => ({ ...token, span: null })) };
    expect(() => aggregate(unplaced, { aggregator: "characters", targetCharacters: [0, 4] })).toThrow(
      /spans of tokens/,
    );
  });

  test("has turns only if it is a conversation", () => {
    expect(() => aggregate(story, { aggregator: "turns" })).toThrow(OptionError);
    const talk: SequenceAttribution = {
      ...story,
      target: story.target.map((token, i) => ({ ...token, span: [i, i + 1] as const })),
      turns: [
        { role: "user", message: 0, span: [0, 3] },
        { role: "template", message: null, span: [3, 4] },
        { role: "assistant", message: 1, span: [4, 7] },
      ],
    };
    const merged = aggregate(talk, { aggregator: "turns" });
    expect(words(merged.target)).toEqual(["TomĠhid.", "ĠHe", "Ġslept.ĠHe", "Ġwoke", "."]);
  });
});

test("sums over sentences keep the sum of every column", () => {
  fc.assert(
    fc.property(sequences, (sequence) => {
      const merged = aggregate(sequence, {
        aggregator: "sentences",
        aggregateFn: "sum",
        aggregateGenerated: false,
        aggregateTarget: false,
      });
      const sum = (values: Iterable<number> = []) => Array.from(values).reduce((total, x) => total + x, 0);
      expect(sum(merged.sourceAttributions?.values)).toBeCloseTo(sum(sequence.sourceAttributions?.values), 3);
    }),
  );
});

test("bad patterns are refused", () => {
  expect(() => aggregate(story, { aggregator: "documents", documentPattern: "(" })).toThrow(OptionError);
  expect(() => aggregate(story, { aggregator: "sentences", documentPattern: "a" } as never)).toThrow(/documentPattern/);
});

describe("what was done", () => {
  test("stands in the result, in order, with what was decided by default", () => {
    const granular = { ...story, kind: "granular" as const, defaultAggregators: ["vnorm"] };
    const wide = (scores: SequenceAttribution["targetAttributions"]) =>
      scores && { shape: [...scores.shape, 1], values: scores.values };
    const done = aggregate(
      { ...granular, targetAttributions: wide(granular.targetAttributions) },
      { aggregator: ["scores", "sentences"], aggregateFn: [null, "sum"], aggregateGenerated: false },
    );
    expect(done.aggregations).toEqual([
      { aggregator: "scores", aggregateFn: "vnorm", normalize: true, rescale: false },
      { aggregator: "sentences", aggregateFn: "sum", aggregateGenerated: false },
    ]);
    expect(aggregate(done).aggregations).toEqual(done.aggregations);
    expect(aggregate(done, { rescale: true }).aggregations?.at(-1)).toEqual({
      aggregator: "scale",
      normalize: false,
      rescale: true,
    });
  });

  const numbers = (x: Completeness | undefined) => x && Object.values(x).map((values) => values && [...values]);
  const completeness: Completeness = {
    value: Float32Array.of(1, 2),
    baseline: Float32Array.of(0.5, 0.25),
    sum: Float32Array.of(0.25, 1),
    gap: Float32Array.of(0.25, 0.75),
  };

  test("merged steps explain the sum of what each of them explains", () => {
    const merged = aggregate({ ...story, completeness }, { aggregator: "sentences" });
    expect(numbers(merged.completeness)).toEqual([[3], [0.75], [1.25], [1]]);
  });

  test("a difference adds up to the difference of the sums", () => {
    const other = { ...completeness, sum: Float32Array.of(1, 1), gap: null };
    const change = subtract({ ...story, completeness }, { ...story, completeness: other });
    expect(numbers(change.completeness)).toEqual([[0, 0], [0, 0], [-0.75, 0], null]);
    const product = aggregate(
      { ...story, completeness },
      { aggregator: "pair", pairedAttr: { ...story, completeness: other }, pairFn: (a, b) => a * b },
    );
    expect(product.completeness).toBeUndefined();
  });
});
