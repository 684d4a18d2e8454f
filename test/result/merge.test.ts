import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OptionError } from "../../src/errors.ts";
import type { Attribution, AttributionInfo } from "../../src/result/attribution.ts";
import { attributionsEqual } from "../../src/result/equal.ts";
import { mergeAttributions, splitAttribution } from "../../src/result/merge.ts";
import { decoderOnly, sequences } from "../support/sequences.ts";

const results = fc.array(sequences, { minLength: 1, maxLength: 4 }).map((list): Attribution => {
  const texts = list.map((_, i) => `text ${i}`);
  const end = Math.max(...list.map(({ attrPosEnd }) => attrPosEnd));
  const info = { attribution_method: "saliency", input_texts: texts, generated_texts: texts, attr_pos_end: end };
  return { sequences: list, steps: null, info };
});

const one = (info: AttributionInfo): Attribution => ({ sequences: [decoderOnly(["a", "b"], 1)], steps: null, info });

test("merging the parts of a result gives the result", () => {
  fc.assert(
    fc.property(results, (result) => {
      expect(mergeAttributions(splitAttribution(result))).toEqual(result);
    }),
  );
});

test("a part has its own texts", () => {
  const result = mergeAttributions([one({ input_texts: ["x"] }), one({ input_texts: ["y"] })]);
  expect(result.info.input_texts).toEqual(["x", "y"]);
  expect(splitAttribution(result).map(({ info }) => info.input_texts)).toEqual([["x"], ["y"]]);
});

test("the last position of a merged result is the largest, and the rest is the first result's", () => {
  const merged = mergeAttributions([one({ attr_pos_end: 2, exec_time: 1 }), one({ attr_pos_end: 5, exec_time: 9 })]);
  expect(merged.info).toEqual({ attr_pos_end: 5, exec_time: 1 });
});

describe("results that do not belong together are refused", () => {
  test.each([
    [
      "methods",
      [one({ attribution_method: "saliency" }), one({ attribution_method: "deeplift" })],
      /attribution_method "saliency".*received "deeplift"/,
    ],
    ["step scores", [one({ step_scores: ["logit"] }), one({ step_scores: [] })], /step_scores/],
    ["models, of which one is unknown", [one({ model_name: "a" }), one({})], /model_name "a".*received undefined/],
    ["steps", [one({}), { ...one({}), steps: [] }], /no steps as in result 0/],
    ["nothing", [], /at least one result/],
  ] as const)("%s", (_, list, message) => {
    expect(() => mergeAttributions(list)).toThrow(OptionError);
    expect(() => mergeAttributions(list)).toThrow(message);
  });
});

describe("equality", () => {
  const a = one({});
  const edited = (values: number[]): Attribution => {
    const sequence = decoderOnly(["a", "b"], 1);
    return {
      ...a,
      sequences: [{ ...sequence, targetAttributions: { shape: [2, 1], values: Float32Array.from(values) } }],
    };
  };

  test("differences up to the tolerance are none, whatever info says", () => {
    expect(attributionsEqual(a, { ...edited([1.00001, NaN]), info: { exec_time: 3 } }, 1e-4)).toBe(true);
    expect(attributionsEqual(a, edited([1.001, NaN]), 1e-4)).toBe(false);
  });

  test("NaN equals only NaN, and infinity only itself", () => {
    expect(attributionsEqual(a, edited([1, 0]), 1)).toBe(false);
    expect(attributionsEqual(a, edited([NaN, NaN]), 1)).toBe(false);
    expect(attributionsEqual(edited([Infinity, NaN]), edited([Infinity, NaN]))).toBe(true);
    expect(attributionsEqual(edited([Infinity, NaN]), edited([-Infinity, NaN]), Infinity)).toBe(true);
    expect(attributionsEqual(edited([Infinity, NaN]), edited([-Infinity, NaN]), 1e9)).toBe(false);
  });

  test("tokens, positions, score names and numbers of sequences count", () => {
    const [sequence = decoderOnly(["a", "b"], 1)] = a.sequences;
    const change = (part: Partial<typeof sequence>): Attribution => ({ ...a, sequences: [{ ...sequence, ...part }] });
    const other = sequence.target.map((token) => ({ ...token, token: `${token.token}!` }));
    expect(attributionsEqual(a, change({ target: other }))).toBe(false);
    expect(attributionsEqual(a, change({ attrPosStart: 0 }))).toBe(false);
    expect(attributionsEqual(a, change({ stepScores: { logit: { shape: [1], values: Float32Array.of(1) } } }))).toBe(
      false,
    );
    expect(attributionsEqual(a, change({ targetAttributions: null }))).toBe(false);
    expect(attributionsEqual(a, { ...a, sequences: [] })).toBe(false);
    expect(attributionsEqual(a, { ...a, steps: [] })).toBe(false);
  });
});
