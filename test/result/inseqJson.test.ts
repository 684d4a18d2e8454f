import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FileError, OptionError } from "../../src/errors.ts";
import type { Attribution, Json } from "../../src/result/attribution.ts";
import { fromInseqJson } from "../../src/result/readInseqJson.ts";
import { type InseqJsonOptions, toInseqJson } from "../../src/result/writeInseqJson.ts";
import { goldenPath, goldenRaw, referenceArchitectures } from "../support/goldenResults.ts";

/** A result that uses every field, awkward numbers and awkward strings. */
const example: Attribution = {
  sequences: [
    {
      kind: "granular",
      source: [
        { token: "▁NaN", id: 3, span: [0, 3] },
        { token: 'quote " and \\ 😀\n', id: 0, span: [3, 9] },
        { token: "</s>", id: 1, span: null },
      ],
      target: [
        { token: "<pad>", id: 0, span: null },
        { token: "Ġa → Ġb", id: -1, span: null },
        { token: "c", id: 7, span: [2, 3] },
      ],
      sourceAttributions: {
        shape: [3, 2, 2],
        values: Float32Array.of(1, -0, NaN, Infinity, -Infinity, 1e-45, 3, 4, 5, 6, 7, 8),
      },
      targetAttributions: {
        shape: [3, 2, 2],
        values: Float32Array.from({ length: 12 }, (_, i) => (i < 2 ? NaN : i / 3)),
      },
      stepScores: { probability: { shape: [2], values: Float32Array.of(0.1, 0.2) } },
      sequenceScores: { encoder_self_attentions: { shape: [3, 3], values: new Float32Array(9).fill(1 / 3) } },
      attrPosStart: 1,
      attrPosEnd: 3,
      defaultAggregators: ["absmax"],
      stepScoreAggregation: { my_score: "sum" },
      dimensionNames: ["Neuron"],
    },
  ],
  steps: [
    {
      kind: "granular",
      sourceAttributions: { shape: [1, 3, 2], values: Float32Array.of(1, 2, 3, 4, 5, 6) },
      targetAttributions: null,
      stepScores: { probability: { shape: [1], values: Float32Array.of(0.1) } },
      sequenceScores: {},
      source: [[{ token: "x", id: 4, span: [0, 1] }]],
      prefix: [[]],
      target: [[{ token: "c", id: 7, span: null }]],
    },
  ],
  info: {
    attribution_method: "saliency",
    exec_time: 0.25,
    loss: NaN,
    nested: { __proto__key: [1, null, true, "-Infinity", "NaN: [NaN]"] },
    inseq_tfjs: { backend: "cpu", seed: 42 },
  },
};

describe.each(referenceArchitectures)("%s", (architecture) => {
  const files = readdirSync(goldenPath(architecture, "expected")).filter((name) => !name.includes(".agg"));

  test(`all ${files.length} files of Python Inseq survive loading and saving, bit for bit`, async () => {
    expect(files.length).toBeGreaterThan(20);
    for (const file of files) {
      const loaded = await goldenRaw(architecture, file.replace(".json", ""));
      const again = await fromInseqJson(toInseqJson(loaded), file);
      expect(bits(again), file).toEqual(bits(loaded));
    }
  });

  test("the arrays of a saved file are those of Python's file to the letter", () => {
    const text = readFileSync(goldenPath(architecture, "expected", "saliency.json"), "utf8");
    return goldenRaw(architecture, "saliency").then((loaded) => {
      const encoded = /"(?:source|target)_attributions": "[^"]+"/g;
      expect(toInseqJson(loaded).match(encoded)).toEqual(text.match(encoded));
    });
  });
});

test("apart from our key in info a saved file has the text of Python's", async () => {
  const text = readFileSync(goldenPath("gpt2", "expected", "saliency.json"), "utf8");
  const ours = toInseqJson(await goldenRaw("gpt2", "saliency"));
  const start = ours.indexOf('            "inseq_tfjs"');
  const end = ours.indexOf('            "model_class"');
  expect([start > 0, end > start]).toEqual([true, true]);
  expect(ours.slice(0, start) + ours.slice(end)).toBe(text.trimEnd());
});

test.each<InseqJsonOptions>([{}, { ndarrayCompact: false }])("everything in a result survives %o", async (options) => {
  const again = await fromInseqJson(toInseqJson(example, options));
  expect(bits(again)).toEqual(bits(example));
  expect(again.info).toEqual(example.info);
});

test.each([
  ["float16", 2 ** -11, 2 ** -25],
  ["float8", 2 ** -4, 2 ** -10],
] as const)("%s rounds to its nearest number", async (scoresPrecision, relative, absolute) => {
  const raw = await goldenRaw("marian", "saliency");
  const again = await fromInseqJson(toInseqJson(raw, { scoresPrecision }));
  const [exact, rounded] = [raw, again].map(
    ({ sequences }) => sequences[0]?.targetAttributions?.values ?? new Float32Array(),
  );
  expect(rounded?.length).toBe(exact?.length);
  const misses = Array.from(exact ?? []).filter((value, i) => {
    const received = rounded?.[i] ?? Infinity;
    if (Number.isNaN(value)) return !Number.isNaN(received);
    return !(Math.abs(received - value) <= Math.max(relative * Math.abs(value), absolute));
  });
  expect(misses).toEqual([]);
});

test("a file of Python Inseq gets the default aggregation of its class and its shape", async () => {
  const defaults = async (id: string) => (await goldenRaw("marian", id)).sequences[0];
  expect((await defaults("saliency"))?.defaultAggregators).toEqual(["vnorm"]);
  expect((await defaults("attention"))?.defaultAggregators).toEqual(["mean", "mean"]);
  expect((await defaults("attention"))?.dimensionNames).toEqual(["Model Layer", "Attention Head"]);
  expect((await defaults("value_zeroing"))?.defaultAggregators).toEqual(["mean"]);
  expect((await defaults("occlusion"))?.defaultAggregators).toEqual([]);
});

test("steps of a file that Python Inseq cannot load itself are read", async () => {
  const { sequences, steps } = await goldenRaw("gpt2", "output_step_attributions");
  const sequence = sequences[0];
  expect(steps?.length).toBe((sequence?.attrPosEnd ?? 0) - (sequence?.attrPosStart ?? 0));
  for (const [g, step] of (steps ?? []).entries()) {
    const [, rows = 0, width = 0] = step.targetAttributions?.shape ?? [];
    expect(step.prefix[0]?.length).toBe(rows);
    expect(step.target[0]?.[0]).toEqual(sequence?.target[rows]);
    const columns = sequence?.targetAttributions?.shape[1] ?? 0;
    const cell = (row: number, k: number) => sequence?.targetAttributions?.values[(row * columns + g) * width + k];
    expect(step.targetAttributions?.values[0]).toBe(cell(0, 0));
    expect(step.targetAttributions?.values.at(-1)).toBe(cell(rows - 1, width - 1));
    expect(step.stepScores.probability?.values[0]).toBe(sequence?.stepScores.probability?.values[g]);
  }
});

test("gzipped NumPy arrays are read", async () => {
  const packed = "b64.gz:H4sIAAAAAAACA2NgAAN7BoYGDAwAI+6BRRwAAAA=";
  const text = toInseqJson({ ...example, steps: null })
    .replace(
      '"step_attributions": null',
      `"step_attributions": [${JSON.stringify({
        __instance_type__: ["inseq.data.attribution", "CoarseFeatureAttributionStepOutput"],
        attributes: { target_attributions: { __ndarray__: packed, dtype: "float32", shape: [1, 7], Corder: true } },
      })}]`,
    )
    .replace(/"steps": null/, '"ignored": null');
  const { steps } = await fromInseqJson(text);
  expect(Array.from(steps?.[0]?.targetAttributions?.values ?? [])).toEqual([0, 0.5, 1, 1, 1, 1, 1]);
});

describe("bad files are refused with their place", () => {
  const good = toInseqJson(example);
  const blob = /"target_attributions": "([^"]+)"/.exec(good.slice(good.indexOf('sequence_attributions"')))?.[1] ?? "";
  const base64Of = (edit: (bytes: Uint8Array) => Uint8Array) =>
    Buffer.from(edit(new Uint8Array(Buffer.from(blob, "base64")))).toString("base64");
  const withBlob = (text: string) => good.replace(blob, text);
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["an empty file", "", /expected a value at line 1, received the end/],
    ["a cut-off file", good.slice(0, 3000), /expected .* received/],
    ["another JSON file", '{"a": 1}', /__instance_type__/],
    [
      "another class",
      '{"__instance_type__": ["os", "system"], "attributes": {}}',
      /FeatureAttributionOutput, received "system"/,
    ],
    ["a file without types", toInseqJson(example, { usePrimitives: true }), /usePrimitives/],
    ["text after the end", `${good}{}`, /expected the end of the file/],
    ["nesting without end", "[".repeat(100_000), /at most 200 levels/],
    ["no base64", withBlob("%%%"), /sequence 0: target_attributions: expected base64, received "%%%"/],
    ["a short block", withBlob("AAAA"), /at least 8 bytes, received 3/],
    [
      "a lying header length",
      withBlob(base64Of((bytes) => bytes.fill(255, 0, 8))),
      /header length 18446744073709551615/,
    ],
    ["a cut-off block", withBlob(base64Of((bytes) => bytes.slice(0, -4))), /expected 48 bytes for F32/],
    ["another type", withBlob(base64Of((bytes) => replaceText(bytes, "F32", "U16"))), /received type U16/],
    [
      "another shape",
      good.replace('"attr_pos_end": 3', '"attr_pos_end": 2'),
      /expected shape \[3, 1, \.\.\.\], received "\[3, 2, 2\]"/,
    ],
    [
      "positions out of range",
      good.replace('"attr_pos_end": 3', '"attr_pos_end": 9'),
      /within the 3 target tokens, received "1 to 9"/,
    ],
    [
      "a token without a string",
      good.replaceAll('"token": "c"', '"token": 5'),
      /(step 0: target 0|target token 2): expected a token with a string/,
    ],
    [
      "another kind",
      good.replace(/"kind": "granular"/g, '"kind": "fine"'),
      /expected one of FeatureAttribution.*received "fine"/,
    ],
  ];
  test.each(cases)("%s", async (_, text, message) => {
    const error = await fromInseqJson(text, "result.json").then(
      () => new Error("was accepted"),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(FileError);
    expect(String(error)).toMatch(message);
    expect(String(error)).toContain("result.json");
  });

  test("an unknown precision, and readable numbers in less than float32", () => {
    expect(() => toInseqJson(example, { scoresPrecision: "float_16" as "float16" })).toThrow(/did you mean "float16"/);
    expect(() => toInseqJson(example, { scoresPrecision: "float8", ndarrayCompact: false })).toThrow(OptionError);
  });
});

function replaceText(bytes: Uint8Array, from: string, to: string): Uint8Array {
  return new Uint8Array(Buffer.from(Buffer.from(bytes).toString("latin1").replace(from, to), "latin1"));
}

/** The result with every array as its bits, so that NaN and the sign of zero are compared exactly. */
function bits(attribution: Attribution): Json {
  return JSON.parse(
    JSON.stringify(attribution, (_, value) =>
      value instanceof Float32Array
        ? Array.from(new Uint32Array(value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength)))
        : value,
    ),
  );
}
