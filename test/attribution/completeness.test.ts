/** f(x), f(x′) and what the scores add up to, beside what the methods promise. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attributeSequence } from "../../src/attribution/engine.ts";
import { createSequenceAttribution } from "../../src/attribution/result.ts";
import { useBackend } from "../../src/backend/backend.ts";
import type { MethodId, MethodOptions } from "../../src/method/registry.ts";
import type { Model } from "../../src/model/model.ts";
import type { Completeness } from "../../src/result/attribution.ts";
import { request, tinyModel, tinySequence } from "../support/tinyModels.ts";

const models: Record<string, Model> = {};
beforeAll(async () => {
  await useBackend("auto");
  models.gpt2 = tinyModel("gpt2", 3);
  models.t5 = tinyModel("t5", 2);
});
afterAll(() => {
  for (const model of Object.values(models)) model.dispose();
});

const sequences = {
  gpt2: tinySequence({ target: [3, 9, 4, 20, 11, 6], start: 2, end: 6 }),
  t5: tinySequence({ source: [5, 9, 2, 30, 7], target: [0, 4, 8, 15], start: 1, end: 4 }),
};

async function completeness(
  type: keyof typeof sequences,
  id: MethodId,
  options: MethodOptions = {},
  sequence = sequences[type],
): Promise<{ readonly found: Completeness | undefined; readonly probability: Float32Array | undefined }> {
  const asked = request(id, options, { attributeTarget: type === "t5" });
  const scores = await attributeSequence(models[type] as Model, sequence, asked);
  const result = createSequenceAttribution(sequence, scores, asked, (token) => token);
  return { found: result.completeness, probability: scores.stepScores.probability?.values };
}
const largest = (values: Iterable<number> = []): number => Math.max(...[...values].map(Math.abs));

describe.each(["gpt2", "t5"] as const)("%s", (type) => {
  test("f(x) is the attributed function, whatever the method", async () => {
    for (const id of ["saliency", "integrated_gradients", "layer_gradient_x_activation", "occlusion"] as const) {
      const { found, probability = new Float32Array() } = await completeness(type, id);
      for (const [g, p] of probability.entries()) expect(found?.value[g]).toBeCloseTo(p, 5);
    }
  });

  test.each([
    // Quadrature at 300 points of a curve that is far from linear; sums of float32; exact differences.
    ["integrated_gradients", { nSteps: 300 }, 2e-3],
    ["deeplift", {}, 2e-5],
    ["shapley_value_sampling", { nSamples: 2 }, 1e-5],
  ] as const)("%s leaves no gap", async (id, options, tolerance) => {
    const { found } = await completeness(type, id, options);
    const change = [...(found?.value ?? [])].map((x, g) => x - (found?.baseline?.[g] ?? 0));
    expect(largest(found?.gap ?? [Number.NaN])).toBeLessThan(tolerance * Math.max(1, largest(change)));
    expect(largest(change)).toBeGreaterThan(1e-3);
  });

  test("what has no baseline has no gap, and attention explains no function", async () => {
    const { found } = await completeness(type, "input_x_gradient");
    expect(found?.baseline).toBeNull();
    expect(found?.gap).toBeNull();
    expect(found?.sum.length).toBe(found?.value.length);
    expect((await completeness(type, "attention")).found).toBeUndefined();
  });

  test("of several baselines the mean counts, and the gap is the difference that it says", async () => {
    const sequence = sequences[type];
    const [first] = sequence.baselines;
    const second = {
      source: sequence.source?.ids.map(() => 17) ?? null,
      target: sequence.target.ids.map(() => 17),
    };
    const of = async (baselines: typeof sequence.baselines) =>
      (await completeness(type, "leave_one_out", { removal: "replace" }, { ...sequence, baselines })).found;
    const [a, b, both] = [
      await of([first as typeof second]),
      await of([second]),
      await of([first as typeof second, second]),
    ];
    for (const [g, value] of (both?.value ?? []).entries()) {
      const mean = ((a?.baseline?.[g] ?? 0) + (b?.baseline?.[g] ?? 0)) / 2;
      expect(both?.baseline?.[g]).toBeCloseTo(mean, 6);
      expect(both?.gap?.[g]).toBeCloseTo(value - mean - (both?.sum[g] ?? 0), 6);
    }
  });
});
