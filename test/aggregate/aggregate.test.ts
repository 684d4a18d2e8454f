import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AggregateOptions, aggregate } from "../../src/aggregate/aggregate.ts";
import { subtract } from "../../src/aggregate/pair.ts";
import { listAggregators } from "../../src/aggregate/registry.ts";
import { scoresDicts } from "../../src/aggregate/scoresDicts.ts";
import { slice } from "../../src/aggregate/slices.ts";
import { weightAttributions } from "../../src/aggregate/weight.ts";
import { OptionError } from "../../src/errors.ts";
import type { Scores, SequenceAttribution } from "../../src/result/attribution.ts";
import { sequenceAttributionsEqual } from "../../src/result/equal.ts";
import type { Span } from "../../src/text/span.ts";
import { decoderOnly, sequences } from "../support/sequences.ts";

test("the aggregators are Inseq's, and those for longer texts", () => {
  expect(listAggregators()).toEqual(expect.arrayContaining(["scores", "spans", "subwords", "split", "pair", "slices"]));
  expect(listAggregators()).toEqual(
    expect.arrayContaining(["words", "sentences", "paragraphs", "documents", "turns", "characters"]),
  );
});

describe("scores", () => {
  test("columns add up to 1 in magnitude over source and target together, or to 0", () => {
    fc.assert(
      fc.property(sequences, (sequence) => {
        const sums = columnSums(aggregate(sequence, { normalize: true }));
        for (const [g, sum] of sums.entries()) {
          const empty = columnSums(sequence)[g] === 0;
          expect(sum).toBeCloseTo(empty ? 0 : 1, 5);
        }
      }),
    );
  });

  test("aggregating again by default changes nothing", () => {
    fc.assert(
      fc.property(sequences, (sequence) => {
        const once = aggregate(sequence);
        expect(aggregate(once)).toEqual(once);
        expect(once.defaultAggregators).toEqual([]);
        expect(once.targetAttributions?.shape.length).toBe(2);
      }),
    );
  });

  test("rescaling makes 1 the largest magnitude, without asking for no normalisation", () => {
    fc.assert(
      fc.property(sequences, (sequence) => {
        const { sourceAttributions, targetAttributions } = aggregate(sequence, { rescale: true });
        const all = [...(sourceAttributions?.values ?? []), ...(targetAttributions?.values ?? [])];
        const largest = Math.max(0, ...all.filter((x) => !Number.isNaN(x)).map(Math.abs));
        expect([0, 1]).toContain(largest);
      }),
    );
  });

  test("the order of the source tokens does not matter", () => {
    fc.assert(
      fc.property(sequences, (sequence) => {
        const reversed = reverseSource(sequence);
        const expected = reverseSource(aggregate(sequence));
        expect(sequenceAttributionsEqual(aggregate(reversed), expected, 1e-6)).toBe(true);
      }),
    );
  });

  test("a selected index is taken as it is, a range and a list are reduced", () => {
    const sequence = granular([1, -2, 3, -4, 5, -6]);
    const values = (options: AggregateOptions) =>
      Array.from(aggregate(sequence, options).targetAttributions?.values ?? []);
    expect(values({ selectIdx: -2, normalize: false })).toEqual([-2, 5]);
    expect(values({ aggregator: "sum", selectIdx: [0, -1], normalize: false })).toEqual([4, -10]);
    expect(values({ aggregator: "sum", selectIdx: { start: 1, end: 3 }, normalize: false })).toEqual([1, -1]);
    expect(values({ aggregator: "vnorm", vnormOrd: 1, normalize: false })).toEqual([6, 15]);
    expect(values({ aggregator: "scores", aggregateFn: (x) => x.length, normalize: false })).toEqual([3, 3]);
  });

  test("an aggregator is not remembered for other sequences", () => {
    const base: SequenceAttribution = {
      ...granular([1, -2, 3, -4, 5, -6]),
      kind: "base",
      defaultAggregators: ["scores"],
    };
    aggregate(granular([1, 2, 3, 4, 5, 6]));
    expect(Array.from(aggregate(base, { normalize: false }).targetAttributions?.values ?? [])).toEqual([
      Math.fround(2 / 3),
      Math.fround(-5 / 3),
    ]);
  });
});

describe("spans", () => {
  test("merged and unmerged tokens partition the text", () => {
    fc.assert(
      fc.property(sequences, fc.infiniteStream(fc.integer({ min: 1, max: 3 })), (sequence, steps) => {
        const spans = randomSpans(sequence.target.length, steps);
        const merged = aggregate(sequence, { aggregator: "spans", targetSpans: spans });
        const text = (tokens: SequenceAttribution["target"]) => tokens.map(({ token }) => token).join("");
        expect(text(merged.target)).toBe(text(sequence.target));
        expect(merged.target.at(-1)?.span?.[1]).toBe(sequence.target.at(-1)?.span?.[1]);
        for (const [i, { span }] of merged.target.entries()) {
          expect(span?.[0]).toBe(merged.target[i - 1]?.span?.[1] ?? 0);
        }
        const columns = merged.attrPosEnd - merged.attrPosStart;
        expect(merged.targetAttributions?.shape.slice(0, 2)).toEqual([merged.attrPosEnd, columns]);
        expect(merged.stepScores.probability?.values.length).toBe(columns);
        expect(merged.sourceAttributions?.shape[1] ?? columns).toBe(columns);
      }),
    );
  });

  test("summing over spans keeps the sum of all finite scores", () => {
    fc.assert(
      fc.property(sequences, fc.infiniteStream(fc.integer({ min: 1, max: 3 })), (sequence, steps) => {
        fc.pre(sequence.sourceAttributions !== null);
        const sum = (values: Iterable<number> = []) => Array.from(values).reduce((total, x) => total + x, 0);
        const merged = aggregate(sequence, {
          aggregator: "spans",
          aggregateFn: "sum",
          sourceSpans: randomSpans(sequence.source.length, steps),
          targetSpans: randomSpans(sequence.target.length, steps),
        });
        expect(sum(merged.sourceAttributions?.values)).toBeCloseTo(sum(sequence.sourceAttributions?.values), 3);
        expect(sum(merged.stepScores.probability?.values)).toBeCloseTo(sum(sequence.stepScores.probability?.values), 4);
      }),
    );
  });

  test("a span across the first attributed token keeps its whole label and its attributed scores", () => {
    const sequence = { ...decoderOnly(["a", "b", "c", "d"], 2), stepScores: { probability: vector(0.5, 0.25) } };
    const merged = aggregate(sequence, { aggregator: "spans", targetSpans: [1, 3] });
    expect(merged.target.map(({ token, id }) => [token, id])).toEqual([
      ["a", 0],
      ["bc", -1],
      ["d", 3],
    ]);
    expect([merged.attrPosStart, merged.attrPosEnd]).toEqual([1, 3]);
    expect(merged.targetAttributions).toEqual({ shape: [3, 2], values: Float32Array.of(1, 2, 3, 6, NaN, NaN) });
    expect(Array.from(merged.stepScores.probability?.values ?? [])).toEqual([0.5, 0.25]);
  });

  test("a span may reach beyond the attributed tokens", () => {
    const sequence = { ...decoderOnly(["a", "b", "c"], 1), target: decoderOnly(["a", "b", "c", "d"], 1).target };
    const merged = aggregate(sequence, { aggregator: "spans", targetSpans: [[2, 4]] });
    expect(merged.target.map(({ token }) => token)).toEqual(["a", "b", "cd"]);
    expect([merged.attrPosStart, merged.attrPosEnd]).toEqual([2, 3]);
    expect(merged.targetAttributions?.shape).toEqual([3, 1]);
  });

  test("step scores combine by their own function", () => {
    const names = ["probability", "entropy", "logit", "mine", "kl_divergence"];
    const sequence = {
      ...decoderOnly(["a", "b", "c"], 2),
      stepScores: Object.fromEntries(names.map((name) => [name, vector(0.5, -3)])),
      stepScoreAggregation: { mine: "mean", kl_divergence: "max" },
    };
    const { stepScores } = aggregate(sequence, { aggregator: "spans", targetSpans: [1, 3] });
    expect(names.map((name) => stepScores[name]?.values[0])).toEqual([-1.5, -2.5, -3, -1.25, 0.5]);
    const all = aggregate(sequence, { aggregator: "spans", targetSpans: [1, 3], aggregateFn: "min" });
    expect(names.map((name) => all.stepScores[name]?.values[0])).toEqual([-3, -3, -3, -3, -3]);
  });
});

describe("subwords", () => {
  const words = (pieces: string[], options: object = {}) =>
    aggregate(decoderOnly(pieces, 1), { aggregator: "subwords", ...options }).target.map(({ token }) => token);

  test.each([
    ["SentencePiece", ["▁a", "b", "c"], ["▁abc"]],
    ["a last word of two pieces", ["▁a", "b"], ["▁ab"]],
    ["a following word", ["▁a", "b", "▁c"], ["▁ab", "▁c"]],
    ["a beginning without a mark", ["x", "▁a", "b", "▁c"], ["x", "▁ab", "▁c"]],
    ["punctuation and the end of the sequence", ["▁seq", "u", ".", "</s>"], ["▁sequ.", "</s>"]],
    ["special tokens around", ["<s>", "▁a", "b", "</s>", "x", "y"], ["<s>", "▁ab", "</s>", "xy"]],
    ["a mark by itself", ["▁was", "▁", "ve", "ry"], ["▁was", "▁very"]],
    ["bytes of a character", ["▁a", "<0xE2>", "<0x82>", "b"], ["▁a<0xE2><0x82>b"]],
    ["a line break in bytes", ["▁a", "b", "<0x0A>", "c", "d", "▁e"], ["▁ab", "<0x0A>", "cd", "▁e"]],
    ["byte-level vocabularies", ["On", "e", "Ġday", ",", "Ġa", "Ġl", "it"], ["One", "Ġday,", "Ġa", "Ġlit"]],
    ["line breaks of byte-level vocabularies", ["a", "Ċ", "Ċ", "The", "re", "Ġx"], ["a", "Ċ", "Ċ", "There", "Ġx"]],
    ["a special token before a word without a mark", ["<|begin|>", "He", "llo", "Ġx"], ["<|begin|>", "Hello", "Ġx"]],
    ["Maltese and Esperanto in SentencePiece", ["▁il", "Ġ", "nus", "▁a", "ĉ", "eti"], ["▁ilĠnus", "▁aĉeti"]],
    ["decoded tokens", ["On", "e", " day", "s"], ["One", " days"]],
    ["no sign of words", ["你", "好"], ["你", "好"]],
  ])("%s", (_, pieces, expected) => {
    expect(words(pieces)).toEqual(expected);
  });

  test("given marks, and marks of continuation", () => {
    expect(words(["phen", "##omen", "##al", "x"], { specialChars: "##", isSuffixSymbol: true })).toEqual([
      "phen##omen##al",
      "x",
    ]);
    expect(words(["Ġa", "b", "Ċ", "c"], { specialChars: ["Ġ", "Ċ"] })).toEqual(["Ġab", "Ċc"]);
    expect(words(["▁a", "EOT"], { specialTokens: ["EOT"] })).toEqual(["▁a", "EOT"]);
  });

  test("a token with characters in the text is no special token", () => {
    const sequence = decoderOnly(["▁a", "<b>"], 1);
    const target = sequence.target.map((token, i) => ({ ...token, span: [i, i + 1] as const }));
    expect(aggregate({ ...sequence, target }, { aggregator: "subwords" }).target).toEqual([
      { token: "▁a<b>", id: -1, span: [0, 2] },
    ]);
  });

  test("marks that occur nowhere are refused when the tokens have others", () => {
    expect(() => words(["▁a", "b"], { specialChars: "Ġ" })).toThrow(/tokens with Ġ.*received tokens with ▁/);
    expect(words(["a", "b"], { specialChars: "Ġ" })).toEqual(["a", "b"]);
    expect(() => words(["a"], { specialChars: [] })).toThrow(OptionError);
    expect(() => words(["a"], { isSuffixSymbol: true })).toThrow(/isSuffixSymbol needs specialChars/);
  });
});

describe("split", () => {
  const pieces = ["Hello", "\n", "wor", "ld", "\n", "\n", "x"];
  const split = (tokens: string[], options: Omit<Extract<AggregateOptions, { aggregator: "split" }>, "aggregator">) =>
    aggregate(decoderOnly(tokens, 1), { aggregator: "split", ...options }).target.map(({ token }) => token);

  test.each([
    ["single", ["Hello", "\n", "world", "\n", "\n", "x"]],
    ["start", ["Hello", "\nworld", "\n", "\nx"]],
    ["end", ["Hello\n", "world\n", "\n", "x"]],
  ] as const)("%s", (splitMode, expected) => {
    expect(split(pieces, { splitPattern: "\n", splitMode })).toEqual(expected);
  });

  test("matches over several tokens, sharing one, and a pattern of one's own", () => {
    expect(split(["a", "b", "c", "d"], { splitPattern: "bc" })).toEqual(["a", "bc", "d"]);
    expect(split(["a", "bxb", "c"], { splitPattern: /ab|bc/ })).toEqual(["a", "bxb", "c"]);
    expect(split(["A", "b", "c", "d"], { splitPattern: /BC/i })).toEqual(["A", "bc", "d"]);
    expect(split(["a", "b"], { splitPattern: "z" })).toEqual(["a", "b"]);
  });

  test("bad patterns are refused", () => {
    expect(() => split(pieces, { splitPattern: "(" })).toThrow(/expected a regular expression/);
    expect(() => split(pieces, { splitPattern: "q*" })).toThrow(/matches the empty string/);
    expect(() => split(pieces, { splitPattern: "x", splitMode: "strat" as "start" })).toThrow(/did you mean "start"/);
    expect(() => aggregate(decoderOnly(pieces, 1), { aggregator: ["split"] })).toThrow(/expected splitPattern/);
  });
});

describe("pair", () => {
  test("pair gives other - self, subtract its first minus its second", () => {
    fc.assert(
      fc.property(sequences, (sequence) => {
        const double = mapScores(sequence, (x) => 2 * x);
        const change = aggregate(sequence, { aggregator: "pair", pairedAttr: double });
        expect(sequenceAttributionsEqual(change, sequence, 0)).toBe(true);
        expect(sequenceAttributionsEqual(subtract(double, sequence), sequence, 0)).toBe(true);
      }),
    );
  });

  test("tokens that differ are shown as a change", () => {
    const [a, b] = [decoderOnly(["the", "man"], 1), decoderOnly(["the", "woman"], 1)];
    expect(aggregate(a, { aggregator: "pair", pairedAttr: b }).target).toEqual([
      { token: "the", id: 0, span: null },
      { token: "man → woman", id: -1, span: null },
    ]);
    const sum = aggregate(a, { aggregator: "pair", pairedAttr: b, pairFn: (x, y) => x + y });
    expect(sum.targetAttributions?.values[0]).toBe(2);
  });

  test("attributions of different sizes are refused", () => {
    const a = decoderOnly(["the", "man"], 1);
    const pairWith = (pairedAttr: SequenceAttribution) => () => aggregate(a, { aggregator: "pair", pairedAttr });
    expect(pairWith(decoderOnly(["a", "b", "c"], 1))).toThrow(/same number of source tokens .* 1 and 2/);
    expect(pairWith({ ...a, stepScores: { logit: vector(1) } })).toThrow(/same names of step scores/);
    expect(pairWith({ ...a, targetAttributions: null })).toThrow(
      /same shape of target attributions .* \[2, 1\] and none/,
    );
    expect(() => aggregate(a, { aggregator: ["pair"] })).toThrow(/expected pairedAttr/);
  });
});

describe("slices", () => {
  test("slicing everything changes nothing", () => {
    fc.assert(
      fc.property(sequences, (sequence) => {
        const length = sequence.sourceAttributions === null ? sequence.attrPosStart : sequence.source.length;
        expect(slice(sequence, 0, length)).toEqual(sequence);
      }),
    );
  });

  test("slices of a slice are the slice at both", () => {
    const sequence = decoderOnly(["a", "b", "c", "d", "e", "f"], 2);
    expect(slice(slice(sequence, 1, 4), 1, 2)).toEqual(slice(sequence, 2, 3));
    const sliced = slice(sequence, 1, 3);
    expect(sliced.source.map(({ token }) => token)).toEqual(["b", "c"]);
    expect(sliced.target.map(({ token }) => token)).toEqual(["b", "c", "e", "f"]);
    expect([sliced.attrPosStart, sliced.attrPosEnd]).toEqual([2, 4]);
    expect(Array.from(sliced.targetAttributions?.values ?? [])).toEqual([3, 4, 5, 6, NaN, 10, NaN, NaN]);
  });

  test("a slice that reaches into the generated tokens, and spans for a side that is not there", () => {
    const sequence = decoderOnly(["a", "b", "c", "d"], 2);
    expect(slice(sequence, 1, 3).target.map(({ token }) => token)).toEqual(["b", "c", "d"]);
    expect(() => aggregate(sequence, { aggregator: "slices", sourceSpans: [0, 1] })).toThrow(/targetSpans alone/);
    expect(() => aggregate(sequence, { aggregator: "slices" })).toThrow(/received no spans/);
  });
});

describe("weights and dictionaries", () => {
  test("weighting multiplies each column by its step score and leaves nothing to aggregate", () => {
    fc.assert(
      fc.property(sequences, (sequence) => {
        const weighted = weightAttributions(sequence, "probability");
        const sums = columnSums(aggregate(sequence));
        const weights = sequence.stepScores.probability?.values ?? [];
        for (const [g, sum] of columnSums(weighted).entries()) {
          expect(sum).toBeCloseTo((sums[g] ?? NaN) * Math.abs(weights[g] ?? NaN), 3);
        }
        expect(aggregate(weighted)).toEqual(weighted);
      }),
    );
    expect(() => weightAttributions(decoderOnly(["a", "b"], 1), "logit")).toThrow(/unknown step score/);
  });

  test("dictionaries have one entry per generated token and all target tokens in each", () => {
    const sequence = { ...decoderOnly(["a", "b", "c"], 2), stepScores: { logit: vector(5, 6) } };
    expect(scoresDicts(sequence)).toEqual({
      sourceAttributions: [],
      targetAttributions: [
        { position: 1, token: "b", scores: entries(["a", 1], ["b", NaN], ["c", NaN]) },
        { position: 2, token: "c", scores: entries(["a", 2], ["b", 4], ["c", NaN]) },
      ],
      stepScores: [
        { position: 1, token: "b", scores: { logit: 5 } },
        { position: 2, token: "c", scores: { logit: 6 } },
      ],
    });
    expect(() => scoresDicts(granular([1, 2, 3, 4]))).toThrow(/aggregate them first/);
  });
});

describe("wrong options are refused", () => {
  const sequence = granular([1, 2, 3, 4, 5, 6]);
  const cases: readonly (readonly [string, object, RegExp])[] = [
    ["an unknown aggregator", { aggregator: "subword" }, /did you mean "subwords"/],
    ["an unknown function", { aggregator: "scores", aggregateFn: "mena" }, /did you mean "mean"/],
    ["an unknown option", { aggregator: "scores", normalise: true }, /did you mean "normalize"/],
    [
      "an option of another aggregator",
      { aggregator: "scores", splitPattern: "x" },
      /received "splitPattern" for scores/,
    ],
    ["normalisation without scores", { aggregator: "spans", normalize: true }, /received "normalize" for spans/],
    ["an order for no norm", { aggregator: "mean", vnormOrd: 1 }, /received "vnormOrd"/],
    ["both scales", { normalize: true, rescale: true }, /received both/],
    ["a function of a function", { aggregator: "mean", aggregateFn: "max" }, /aggregateFn/],
    ["a function without an aggregator", { aggregateFn: "max" }, /no aggregator/],
    ["too few functions", { aggregator: ["scores", "spans"], aggregateFn: ["max"] }, /1 functions for 2 aggregators/],
    ["a list for one aggregator", { aggregator: "scores", aggregateFn: ["max"] }, /a list for the single aggregator/],
    ["a function for pair", { aggregator: "pair", pairedAttr: sequence, aggregateFn: "max" }, /pass pairFn/],
    ["an axis too many", { aggregator: ["mean", "mean"] }, /aggregated already/],
    ["an index out of range", { selectIdx: 3 }, /indices from -3 to 2.*received 3/],
    ["an index twice", { selectIdx: [1, -2] }, /every index once/],
    ["no index", { selectIdx: [] }, /at least one index/],
    ["an empty range", { selectIdx: { start: 2, end: 2 } }, /start before its end/],
    [
      "overlapping spans",
      {
        aggregator: "spans",
        targetSpans: [
          [0, 2],
          [1, 2],
        ],
      },
      /targetSpans.*within the 2 tokens/,
    ],
    ["an empty span", { aggregator: "spans", targetSpans: [1, 1] }, /received \[1,1\]/],
    ["a span out of range", { aggregator: "spans", sourceSpans: [0, 2] }, /sourceSpans.*within the 1 tokens/],
  ];
  test.each(cases)("%s", (_, options, message) => {
    expect(() => aggregate(sequence, options as AggregateOptions)).toThrow(OptionError);
    expect(() => aggregate(sequence, options as AggregateOptions)).toThrow(message);
  });

  test("scores that keep further axes, unless the check is off", () => {
    const { targetAttributions: scores } = sequence;
    const deep = { ...sequence, targetAttributions: scores && { ...scores, shape: [...scores.shape, 1] } };
    expect(() => aggregate(deep, { aggregator: "mean" })).toThrow(/two axes after aggregation/);
    const options = { aggregator: "mean", doPostAggregationChecks: false } as const;
    expect(aggregate(deep, options).targetAttributions?.shape).toEqual([2, 1, 3]);
  });

  test("asking for no scaling is always allowed", () => {
    expect(aggregate(sequence, { aggregator: [], normalize: false, rescale: false })).toEqual(sequence);
  });
});

/** One generated token after one of the prompt, with `values` over the last axis of the two rows. */
function granular(values: number[]): SequenceAttribution {
  return {
    ...decoderOnly(["a", "b"], 1),
    kind: "granular",
    targetAttributions: { shape: [2, 1, values.length / 2], values: Float32Array.from(values) },
    defaultAggregators: ["vnorm"],
    dimensionNames: ["Embedding Dimension"],
  };
}

function vector(...values: number[]): Scores {
  return { shape: [values.length], values: Float32Array.from(values) };
}

function entries(...list: [string, number][]) {
  return list.map(([token, score], position) => ({ position, token, score }));
}

/** The sum of magnitudes of each generated token's scores, NaN aside. */
function columnSums({
  sourceAttributions,
  targetAttributions,
  attrPosStart,
  attrPosEnd,
}: SequenceAttribution): number[] {
  const sums = Array.from({ length: attrPosEnd - attrPosStart }, () => 0);
  for (const scores of [sourceAttributions, targetAttributions]) {
    const inner = scores?.shape.slice(2).reduce((total, n) => total * n, 1) ?? 1;
    for (const [i, value] of (scores?.values ?? []).entries()) {
      const column = Math.floor(i / inner) % sums.length;
      if (!Number.isNaN(value)) sums[column] = (sums[column] ?? NaN) + Math.abs(value);
    }
  }
  return sums;
}

function reverseSource(sequence: SequenceAttribution): SequenceAttribution {
  const scores = sequence.sourceAttributions;
  if (scores === null) return sequence;
  const row = scores.values.length / (scores.shape[0] ?? 1);
  const rows = sequence.source.map((_, i) => Array.from(scores.values.subarray(i * row, (i + 1) * row)));
  return {
    ...sequence,
    source: sequence.source.toReversed(),
    sourceAttributions: { shape: scores.shape, values: Float32Array.from(rows.reverse().flat()) },
  };
}

function mapScores(sequence: SequenceAttribution, change: (x: number) => number): SequenceAttribution {
  const map = ({ shape, values }: Scores): Scores => ({ shape, values: values.map(change) });
  const record = (all: Readonly<Record<string, Scores>>) =>
    Object.fromEntries(Object.entries(all).map(([name, scores]) => [name, map(scores)]));
  return {
    ...sequence,
    sourceAttributions: sequence.sourceAttributions && map(sequence.sourceAttributions),
    targetAttributions: sequence.targetAttributions && map(sequence.targetAttributions),
    stepScores: record(sequence.stepScores),
    sequenceScores: record(sequence.sequenceScores),
  };
}

/** Ascending spans within `[0, length)`, with gaps. */
function randomSpans(length: number, steps: fc.Stream<number>): Span[] {
  const spans: Span[] = [];
  let start = 0;
  while (start < length) {
    const [size = 1, gap = 1] = steps.take(2);
    spans.push([start, Math.min(length, start + size)]);
    start += size + gap - 1;
  }
  return spans;
}
