/** Scores whose width is reduced while they are computed are those of which it is reduced afterwards. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aggregationFunctions } from "../../../src/aggregate/functions.ts";
import { createGrid } from "../../../src/attribution/gradient/scoreGrid.ts";
import { reduceWidth, widthReductions } from "../../../src/attribution/gradient/widthReduction.ts";
import {
  type AggregateOptions,
  type AttributeOptions,
  type AttributionModel,
  FeatureAttributionOutput,
  loadModel,
  OptionError,
} from "../../../src/index.ts";
import { memory, tensor } from "../../../src/tensor.ts";
import { describeOnBackends } from "../../support/backends.ts";
import { closeScores } from "../../support/closeScores.ts";
import { goldenPath } from "../../support/goldenResults.ts";

/** float32 sums of a width of tens of numbers beside float64 sums, relative to the largest score. */
const TOLERANCE = 1e-6;

describeOnBackends(
  "reduceWidth",
  () => {
    it.each(widthReductions)(
      "by %s is the aggregation function of that name, from tiny to huge numbers",
      (reduction) => {
        const rows = [
          [3, -4, 12],
          [0, 0, 0],
          [1e-30, -2e-30, 2e-30],
          [1e30, 2e30, -2e30],
          [-1, 0, 0],
        ];
        const x = tensor(rows.flat(), [1, rows.length, 3]);
        const reduced = reduceWidth(reduction, x);
        expect(reduced.shape).toEqual([1, rows.length, 1]);
        for (const [i, value] of reduced.dataSync().entries()) {
          const expected = aggregationFunctions[reduction](Float32Array.from(rows[i] ?? []), { vnormOrd: 2 });
          expect(Math.abs(value - expected)).toBeLessThanOrEqual(TOLERANCE * Math.abs(expected));
        }
        x.dispose();
        reduced.dispose();
      },
    );
  },
  { emulated: true },
);

describe("attribute with widthReduction", () => {
  let gpt2: AttributionModel;
  let bart: AttributionModel;
  beforeAll(async () => {
    gpt2 = await loadModel(goldenPath("gpt2", "model"), "integrated_gradients", { nSteps: 3 });
    bart = await loadModel(goldenPath("bart", "model"), "input_x_gradient");
  });
  afterAll(() => {
    gpt2.dispose();
    bart.dispose();
  });

  const cases: [title: string, run: (options: AttributeOptions) => Promise<FeatureAttributionOutput>][] = [
    ["a decoder", (options) => gpt2.attribute("hello", "hello world and more", options)],
    [
      "source and target",
      (options) => bart.attribute("hello world", "yes, it is", { attributeTarget: true, ...options }),
    ],
    [
      "several layers",
      (options) =>
        gpt2.attribute("hello", "hello world and", {
          method: "layer_gradient_x_activation",
          targetLayer: ["decoder.0.mlpOutput", "decoder.1.mlpOutput"],
          ...options,
        }),
    ],
    [
      "a span of the output",
      (options) => gpt2.attribute("hello", "hello world and", { outputSpans: "all", ...options }),
    ],
  ];
  const valuesOf = (output: FeatureAttributionOutput): number[] =>
    output
      .toAttribution()
      .sequences.flatMap(({ sourceAttributions, targetAttributions }) => [
        ...(sourceAttributions?.values ?? []),
        ...(targetAttributions?.values ?? []),
      ]);
  const ways: AggregateOptions[] = [{ normalize: false }, { rescale: true }, {}];

  it.each(cases)("of %s keeps one number, and aggregates as all of the width", async (_, run) => {
    const before = memory().numTensors;
    const whole = await run({});
    const [raw] = whole.toAttribution().sequences;
    const layers = (raw?.targetAttributions?.shape.length ?? 0) > 3 ? (["mean"] as const) : [];
    for (const reduction of widthReductions) {
      const reduced = await run({ widthReduction: reduction });
      const [one] = reduced.toAttribution().sequences;
      expect(one?.targetAttributions?.shape).toEqual(raw?.targetAttributions?.shape.with(-1, 1));
      expect(one?.sourceAttributions?.shape).toEqual(raw?.sourceAttributions?.shape.with(-1, 1));
      for (const way of ways) {
        const named = { aggregator: [reduction, ...layers], ...way } as AggregateOptions;
        const expected = valuesOf(whole.aggregate(named));
        closeScores(valuesOf(reduced.aggregate(way)), expected, TOLERANCE);
        closeScores(valuesOf(reduced.aggregate(named)), expected, TOLERANCE);
      }
      closeScores([...(one?.completeness?.sum ?? [])], [...(raw?.completeness?.sum ?? [])], TOLERANCE);
    }
    expect(memory().numTensors).toBe(before);
  });

  it("is said in the result, which reads back as it was", async () => {
    const output = await gpt2.attribute("hello", "hello world", {
      widthReduction: "sum",
      outputStepAttributions: true,
    });
    expect(output.info).toMatchObject({ inseq_tfjs: { width_reduction: "sum" } });
    const read = await FeatureAttributionOutput.deserialize(output.serialize());
    expect(read.toAttribution().sequences).toEqual(output.toAttribution().sequences);
    expect(read.aggregate().toAttribution()).toEqual(output.aggregate().toAttribution());
  });

  it("refuses what needs all of the width", async () => {
    const output = await gpt2.attribute("hello", "hello world", { widthReduction: "vnorm" });
    const asked: AggregateOptions[] = [
      { aggregator: "sum" },
      { aggregator: ["scores"], aggregateFn: [(values) => values[0] ?? 0] },
      { selectIdx: 0 },
      { vnormOrd: 1 },
    ];
    for (const options of asked) {
      expect(() => output.aggregate(options)).toThrow(/expected "vnorm", by which the width was reduced, received/);
    }
  });

  it("is for methods whose scores have a width, and by names that there are", async () => {
    await expect(gpt2.attribute("a", "a b", { method: "occlusion", widthReduction: "sum" })).rejects.toThrow(
      new OptionError(
        "widthReduction: expected a method whose scores have the width of embeddings, such as saliency, received occlusion; leave it out",
      ),
    );
    await expect(gpt2.attribute("a", "a b", { widthReduction: "vnrom" as "vnorm" })).rejects.toThrow(
      /did you mean "vnorm"/,
    );
  });
});

describe("scores that fit into no array", () => {
  it("are refused with what to do", () => {
    expect(() => createGrid("target", { S: 2000, G: 1000, D: 40960 }, () => 0)).toThrow(
      /received 2000 tokens × 1000 steps × width 40960 \(327.7 GB\); give widthReduction/,
    );
  });
});
