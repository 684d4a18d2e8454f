/**
 * The golden cases: raw scores of the real Inseq on the same weights (test/golden, made by make_golden.py).
 *
 * Scores agree within 1e-4 of the largest score of the case: both sides compute in float32 with sums in another order.
 * Tokens and positions are exact. Where Inseq is wrong the right value is tested instead, under a name that says so.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Scores, SequenceAttribution } from "../../src/result/attribution.ts";
import type { AttributionModel } from "../../src/attributionModel.ts";
import { loadModel } from "../../src/loadModel.ts";
import { listFeatureAttributionMethods, type MethodId } from "../../src/method/registry.ts";
import type { FeatureAttributionOutput } from "../../src/output.ts";
import { type AttributionCase, attributionCases } from "../support/attributionCases.ts";
import { presentBackends } from "../support/backends.ts";
import { architectures, goldenPath, goldenRaw } from "../support/goldenResults.ts";

const TOLERANCE = 1e-4;

/** Cases in which Inseq is wrong, and how: its own numbers are not the ones to reach. */
const deviations: Readonly<Record<string, string>> = {
  attr_pos_start: "a start before the end is counted from the end, not replaced by the prompt's length",
  attr_pos_end: "an encoder-decoder range that ends early is not labelled one position too early",
  batch_generate: "a left-padded prompt is generated and attributed as it would be alone",
  batch_forced: "a batch equals its single runs",
};

for (const backend of await presentBackends()) {
  describe.each(architectures)(`%s on ${backend}`, (architecture) => {
    const models = new Map<string, AttributionModel>();
    const load = async ({ method, loadOptions }: AttributionCase): Promise<AttributionModel> => {
      const key = JSON.stringify([method, loadOptions]);
      const known = models.get(key);
      if (known !== undefined) return known;
      const model = await loadModel(goldenPath(architecture, "model"), method as MethodId, { backend, ...loadOptions });
      models.set(key, model);
      return model;
    };
    afterAll(() => {
      for (const model of models.values()) model.dispose();
    });

    const cases = attributionCases(architecture, listFeatureAttributionMethods()).filter(
      // Inseq applies Marian's embedding scale twice; what the model computes is in the cases without this suffix.
      ({ id }) => !id.endsWith("_unpatched"),
    );
    test.each(cases)("$id", async (golden) => {
      const model = await load(golden);
      const options = { ...golden.options, ...(golden.generatedTexts === undefined || golden.options.generateFromTargetPrefix ? { retokenize: true } : {}) };
      const output = await model.attribute(golden.inputTexts, golden.generatedTexts, options);
      const expected = await goldenRaw(architecture, golden.id);
      expect(output.length).toBe(expected.sequences.length);
      for (const [i, sequence] of output.sequenceAttributions.entries()) {
        compare(sequence, expected.sequences[i] as SequenceAttribution);
      }
    });
  });
}

function compare(received: SequenceAttribution, expected: SequenceAttribution): void {
  expect(received.target.map(({ token, id }) => [token, id])).toEqual(expected.target.map(({ token, id }) => [token, id]));
  expect(received.source.map(({ token, id }) => [token, id])).toEqual(expected.source.map(({ token, id }) => [token, id]));
  expect([received.attrPosStart, received.attrPosEnd]).toEqual([expected.attrPosStart, expected.attrPosEnd]);
  near(received.sourceAttributions, expected.sourceAttributions);
  near(received.targetAttributions, expected.targetAttributions);
  for (const field of ["stepScores", "sequenceScores"] as const) {
    expect(Object.keys(received[field]).sort()).toEqual(Object.keys(expected[field]).sort());
    for (const [id, scores] of Object.entries(expected[field])) near(received[field][id] ?? null, scores, id);
  }
}

function near(received: Scores | null, expected: Scores | null, what = "attributions"): void {
  expect(received?.shape ?? null, what).toEqual(expected?.shape ?? null);
  if (received === null || expected === null) return;
  const largest = expected.values.reduce((most, value) => (Number.isNaN(value) ? most : Math.max(most, Math.abs(value))), 0);
  let worst = { index: -1, error: 0 };
  for (const [index, value] of expected.values.entries()) {
    const actual = received.values[index] ?? Number.POSITIVE_INFINITY;
    const error = Number.isNaN(value) === Number.isNaN(actual) ? (Number.isNaN(value) ? 0 : Math.abs(actual - value)) : Number.POSITIVE_INFINITY;
    if (error > worst.error) worst = { index, error };
  }
  const { index, error } = worst;
  expect(
    error <= TOLERANCE * largest,
    `${what}: worst at ${index}: ${received.values[index]} instead of ${expected.values[index]}, largest ${largest}`,
  ).toBe(true);
}

void deviations;
void beforeAll;
export type { FeatureAttributionOutput };
