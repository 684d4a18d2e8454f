/** What must hold for attributions of every encoder-decoder: a batch is its sentences, beams are explained as greedy search is. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AttributionModel } from "../../src/attributionModel.ts";
import { loadModel } from "../../src/loadModel.ts";
import type { Scores, SequenceAttribution } from "../../src/result/attribution.ts";
import { presentBackends } from "../support/backends.ts";
import { architectures, goldenPath, isDecoderOnly } from "../support/goldenResults.ts";

/** Share of the largest score: the sums of padded rows are taken in another order. */
const ROUNDING = 1e-5;
const texts = ["The girl had a big ball.", "I will go."];
const search = { maxNewTokens: 5, numBeams: 3, doSample: false };

describe.each(architectures.filter((name) => !isDecoderOnly(name)))("%s", (architecture) => {
  let model: AttributionModel;
  beforeAll(async () => {
    const [backend = "cpu"] = presentBackends;
    model = await loadModel(goldenPath(architecture, "model"), "input_x_gradient", { backend });
  });
  afterAll(() => model.dispose());

  test("explains the beam searches of a batch as those of each sentence", async () => {
    const options = { attributeTarget: true, generationArgs: search, stepScores: ["probability", "entropy"] };
    const batch = await model.attribute(texts, undefined, options);
    for (const [i, text] of texts.entries()) {
      const alone = await model.attribute(text, undefined, options);
      expectSame(batch.sequenceAttributions[i], alone.sequenceAttributions[0]);
    }
  });

  test("splits the gradient of a step between source and target", async () => {
    const [both] = (await model.attribute(texts[0] ?? "", texts[1], { attributeTarget: true })).sequenceAttributions;
    const [source] = (await model.attribute(texts[0] ?? "", texts[1])).sequenceAttributions;
    expect(source?.targetAttributions).toBeNull();
    expectClose(both?.sourceAttributions ?? null, source?.sourceAttributions ?? null);
    // A step looks back on all tokens of the target before its own, and on no others.
    const [T = 0, G = 0, D = 0] = both?.targetAttributions?.shape ?? [];
    expect([T, G]).toEqual([both?.attrPosEnd, (both?.attrPosEnd ?? 0) - (both?.attrPosStart ?? 0)]);
    for (let cell = 0; cell < T * G; cell++) {
      const scores = both?.targetAttributions?.values.subarray(cell * D, (cell + 1) * D);
      const isPast = Math.floor(cell / G) < (both?.attrPosStart ?? 0) + (cell % G);
      expect(
        scores?.some((x) => Math.abs(x) > 0),
        `cell ${cell}`,
      ).toBe(isPast);
    }
  });
});

function expectSame(received?: SequenceAttribution, expected?: SequenceAttribution): void {
  if (received === undefined || expected === undefined) throw new Error("expected two sequences");
  expect(received.target).toEqual(expected.target);
  expect(received.source).toEqual(expected.source);
  expectClose(received.sourceAttributions, expected.sourceAttributions);
  expectClose(received.targetAttributions, expected.targetAttributions);
  for (const [id, scores] of Object.entries(expected.stepScores)) expectClose(received.stepScores[id] ?? null, scores);
}

function expectClose(received: Scores | null, expected: Scores | null): void {
  expect(received?.shape).toEqual(expected?.shape);
  const finite = [...(expected?.values ?? [])].filter(Number.isFinite).map(Math.abs);
  const largest = Math.max(...finite);
  for (const [i, value] of (expected?.values ?? []).entries()) {
    const actual = received?.values[i] ?? Number.NaN;
    if (Number.isNaN(value)) expect(actual).toBeNaN();
    else expect(Math.abs(actual - value), `element ${i}`).toBeLessThanOrEqual(ROUNDING * largest);
  }
}
