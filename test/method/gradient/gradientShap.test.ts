/** Gradient SHAP with the numbers that Inseq drew gives Inseq's scores; with its own it converges. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attributeSequence } from "../../../src/attribution/engine.ts";
import type { AttributionModel } from "../../../src/attributionModel.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import { loadModel } from "../../../src/loadModel.ts";
import { averageOverDraws, gradientShap } from "../../../src/method/gradient/gradientShap.ts";
import { attributionCases } from "../../support/attributionCases.ts";
import { closeScores } from "../../support/closeScores.ts";
import { forcedSequence, stepColumn } from "../../support/forcedSequence.ts";
import { goldenPath, goldenRaw } from "../../support/goldenResults.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

describe.each(["gpt2", "llama", "marian"])(
  "golden cases of %s, one step at a time with Inseq's draws",
  (architecture) => {
    const models: AttributionModel[] = [];
    beforeAll(async () => {
      models.push(await loadModel(goldenPath(architecture, "model")));
    });
    afterAll(() => {
      for (const model of models) model.dispose();
    });

    test.each(attributionCases(architecture, ["gradient_shap"]))("$id", async (golden) => {
      const { language, sequence } = forcedSequence(models[0] as AttributionModel, architecture, golden);
      const { attributeTarget = false, nSamples = 5, returnConvergenceDelta = false } = golden.options;
      const inputs = attributeTarget ? 2 : 1;
      const expected = (await goldenRaw(architecture, golden.id)).sequences[0];
      for (let t = sequence.start; t < sequence.end; t++) {
        const g = t - sequence.start;
        // For each step Inseq draws a baseline for each input, and then one place on the path for each sample.
        const uniform = golden.draws[g * (inputs + 1) + inputs];
        expect(uniform?.[0]).toBe("uniform");
        expect(uniform?.[1].length).toBe(nSamples);
        const draws = (uniform?.[1] ?? []).map((u) => ({ reference: 0, u }));
        const options = { returnConvergenceDelta };
        const method = {
          ...gradientShap,
          run: (problem: Parameters<typeof averageOverDraws>[0]) => averageOverDraws(problem, draws, 0, options),
        };
        const one = await attributeSequence(
          language.model,
          { ...sequence, start: t, end: t + 1 },
          { ...request("gradient_shap"), method, attributeTarget },
        );
        for (const field of ["sourceAttributions", "targetAttributions"] as const) {
          closeScores(stepColumn(one[field], 0, t), stepColumn(expected?.[field] ?? null, g, t), 1e-4);
        }
        if (!returnConvergenceDelta) continue;
        const delta = one.stepScores.deltas?.values[0] ?? Number.NaN;
        // A delta is a small difference of numbers ≤ 1.
        expect(Math.abs(delta - (expected?.stepScores.deltas?.values[g] ?? Number.NaN))).toBeLessThan(1e-5);
      }
    });
  },
);

describe("gradient SHAP", () => {
  beforeAll(async () => {
    await useBackend("auto");
  });

  test("one seed gives one result, another seed another one, and chunks do not matter", async () => {
    const model = tinyModel("gpt2", 3);
    const sequence = tinySequence({ target: [3, 9, 4, 20, 11, 6], start: 2, end: 6 });
    const run = async (seed: number, changes: object = {}) =>
      (
        await attributeSequence(
          model,
          sequence,
          request("gradient_shap", { nSamples: 4, stdevs: 0.1 }, { seed, ...changes }),
        )
      ).targetAttributions?.values ?? new Float32Array();
    const first = await run(5);
    expect(await run(5)).toEqual(first);
    expect(await run(6)).not.toEqual(first);
    // One row a pass: one step after the other, and one sample after the other.
    closeScores([...(await run(5, { limits: { memoryBudget: 1 } }))], [...first], 1e-5);
    model.dispose();
  });

  test("the mean of many draws is integrated gradients", async () => {
    const model = tinyModel("gpt2", 3);
    const sequence = tinySequence({ target: [3, 9, 4, 20], start: 2, end: 4 });
    const run = async (...args: Parameters<typeof request>) => [
      ...((await attributeSequence(model, sequence, request(...args))).targetAttributions?.values ?? []),
    ];
    const exact = await run("integrated_gradients", { nSteps: 200 });
    // Stratified draws: the error of K points is of order 1/K^1.5, far below the 1/√K of independent ones.
    closeScores(await run("expected_gradients", { nSamples: 400 }), exact, 5e-3);
    closeScores(await run("gradient_shap", { nSamples: 400 }), exact, 0.3);
    model.dispose();
  });

  test("no draws, and noise without size, are refused", async () => {
    const model = tinyModel("gpt2", 3);
    const sequence = tinySequence({ target: [3, 9, 4, 20], start: 2, end: 4 });
    const run = (options: object) => attributeSequence(model, sequence, request("gradient_shap", options));
    await expect(run({ nSamples: 0 })).rejects.toThrow("nSamples: expected a positive integer, received 0");
    await expect(run({ stdevs: -1 })).rejects.toThrow("stdevs: expected a number ≥ 0, received -1");
    model.dispose();
  });
});
