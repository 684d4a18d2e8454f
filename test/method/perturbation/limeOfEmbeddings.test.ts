/** LIME as Inseq has it: with the masks that Inseq drew it gives Inseq's scores. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attributeSequence } from "../../../src/attribution/engine.ts";
import type { AttributionModel } from "../../../src/attributionModel.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import { loadModel } from "../../../src/loadModel.ts";
import { fitMasks, limeOfEmbeddings, type Mask } from "../../../src/method/perturbation/limeOfEmbeddings.ts";
import type { Problem } from "../../../src/method/problem.ts";
import { attributionCases } from "../../support/attributionCases.ts";
import { closeScores } from "../../support/closeScores.ts";
import { forcedSequence, stepColumn } from "../../support/forcedSequence.ts";
import { goldenPath, goldenRaw } from "../../support/goldenResults.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

describe.each(["gpt2", "llama", "marian", "bart"])(
  "golden cases of %s, with the masks that Inseq drew",
  (architecture) => {
    const models: AttributionModel[] = [];
    beforeAll(async () => {
      models.push(await loadModel(goldenPath(architecture, "model")));
    });
    afterAll(() => {
      for (const model of models) model.dispose();
    });

    test.each(attributionCases(architecture, ["lime"]))("$id", async (golden) => {
      const { language, sequence } = forcedSequence(models[0] as AttributionModel, architecture, golden);
      const { nSamples = 50 } = golden.options;
      const expected = (await goldenRaw(architecture, golden.id)).sequences[0];
      for (let t = sequence.start; t < sequence.end; t++) {
        const g = t - sequence.start;
        const masks = golden.draws.slice(g * nSamples, (g + 1) * nSamples).map(([kind, numbers]): Mask => {
          expect(kind).toBe("mask");
          return [Uint8Array.from(numbers)];
        });
        expect(masks.length).toBe(nSamples);
        const method = { ...limeOfEmbeddings, run: (problem: Problem) => fitMasks(problem, masks, 1) };
        const one = await attributeSequence(
          language.model,
          { ...sequence, start: t, end: t + 1 },
          { ...request("lime"), method },
        );
        for (const field of ["sourceAttributions", "targetAttributions"] as const) {
          closeScores(stepColumn(one[field], 0, t), stepColumn(expected?.[field] ?? null, g, t), 1e-4);
        }
      }
    });
  },
);

describe("LIME of embeddings", () => {
  beforeAll(async () => {
    await useBackend("auto");
  });
  const ids = { target: [3, 9, 4, 20, 11, 6], start: 2, end: 6 };

  test("chunks and the steps beside it do not change a step, seeds do", async () => {
    const model = tinyModel("gpt2", 3);
    const sequence = tinySequence(ids);
    const run = async (seed: number, changes: object = {}, of = sequence) =>
      await attributeSequence(
        model,
        of,
        request("lime", { features: "embeddings", nSamples: 9, maskProb: 0.5 }, { seed, ...changes }),
      );
    const whole = await run(5);
    expect(whole.targetAttributions?.shape).toEqual([6, 4, 12]);
    expect(whole.rows).toBe(9 * 4);
    closeScores(
      [...((await run(5, { limits: { memoryBudget: 1 } })).targetAttributions?.values ?? [])],
      [...(whole.targetAttributions?.values ?? [])],
      1e-4,
    );
    expect((await run(6)).targetAttributions?.values).not.toEqual(whole.targetAttributions?.values);
    const one = await run(5, {}, { ...sequence, start: 4, end: 5 });
    closeScores(stepColumn(one.targetAttributions, 0, 4), stepColumn(whole.targetAttributions, 2, 4), 1e-4);
    model.dispose();
  });

  test("source and target prefix are fitted together, where Inseq takes the source alone", async () => {
    const model = tinyModel("t5", 3);
    const sequence = tinySequence({ source: [5, 9, 7], ...ids });
    const asked = request("lime", { features: "embeddings", nSamples: 5 }, { attributeTarget: true });
    const { sourceAttributions, targetAttributions } = await attributeSequence(model, sequence, asked);
    expect(sourceAttributions?.shape).toEqual([3, 4, 12]);
    expect(targetAttributions?.shape).toEqual([6, 4, 12]);
    for (const scores of [sourceAttributions, targetAttributions]) {
      expect(scores?.values.some((value) => value !== 0 && !Number.isNaN(value))).toBe(true);
    }
    model.dispose();
  });

  test.each([
    [{ maskProb: 0 }, "maskProb: expected a probability between 0 and 1, received 0"],
    [{ nSamples: 0 }, "nSamples: expected a positive integer, received 0"],
  ])("%o is refused", async (options, message) => {
    const model = tinyModel("gpt2", 3);
    const asked = request("lime", { features: "embeddings", ...options });
    await expect(attributeSequence(model, tinySequence(ids), asked)).rejects.toThrow(message);
    model.dispose();
  });

  test("a baseline without a token's number is refused, and features of another kind", async () => {
    const model = tinyModel("gpt2", 3);
    const sequence = {
      ...tinySequence(ids),
      baselines: [{ source: null, target: ids.target.map(() => "zero" as const) }],
    };
    const asked = request("lime", { features: "embeddings" });
    await expect(attributeSequence(model, sequence, asked)).rejects.toThrow("expected a baseline of tokens");
    const unknown = request("lime", { features: "embedings" as never });
    await expect(attributeSequence(model, tinySequence(ids), unknown)).rejects.toThrow('did you mean "embeddings"');
    model.dispose();
  });
});
