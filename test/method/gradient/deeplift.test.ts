/** DeepLIFT adds up exactly, for every family of models and every score. */

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { loadArchitecture } from "../../../models/load.ts";
import { attributeSequence } from "../../../src/attribution/engine.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import { type CompactFormat, compactFormats } from "../../../src/ops/compactMatrix.ts";
import { openFolder } from "../../../src/platform/node.ts";
import { findScore, listStepFunctions } from "../../../src/score/registry.ts";
import { closeScores } from "../../support/closeScores.ts";
import { architectures, goldenPath, isDecoderOnly } from "../../support/goldenResults.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

beforeAll(async () => {
  await useBackend("auto");
});

/** Whether a model's tokens go to different experts. */
const isMixture = (architecture: string): boolean =>
  readFileSync(goldenPath(architecture, "model", "config.json"), "utf8").includes("expert");

const source = [5, 9, 7, 30, 11];
const target = [6, 4, 8, 15, 16];

async function deltas(architecture: string, score = "probability", storage?: CompactFormat): Promise<number[]> {
  const { model } = await loadArchitecture(await openFolder(goldenPath(architecture, "model")), storage);
  const sequence = tinySequence({ ...(isDecoderOnly(architecture) ? {} : { source }), target, start: 2, end: 5 });
  try {
    const asked = request(
      "deeplift",
      { returnConvergenceDelta: true },
      { attributeTarget: !isDecoderOnly(architecture) },
    );
    const contrast = {
      source: null,
      target: null,
      positions: [2, 3, 4],
      ids: [3, 10, 12],
      tokens: ["t3", "t10", "t12"],
    };
    const attributed = { id: score, score: findScore(score), options: {} };
    const scores = await attributeSequence(model, sequence, { ...asked, attributed, contrasts: [contrast] });
    return [...(scores.stepScores.deltas?.values ?? [Number.NaN])];
  } finally {
    model.dispose();
  }
}

/** Of probabilities, numbers ≤ 1, to float32's accuracy through all layers. */
const TOLERANCE = 5e-6;

describe("summation to delta", () => {
  test.each(architectures.filter((name) => !isMixture(name)))(
    "%s: the scores of a step are f(x) − f(x')",
    async (name) => {
      for (const delta of await deltas(name)) expect(Math.abs(delta)).toBeLessThan(TOLERANCE);
    },
  );

  test.each(listStepFunctions().filter((id) => findScore(id).differentiable && findScore(id).contrast !== "context"))(
    "%s: adds up, too",
    async (id) => {
      // Some of these scores are of size 10.
      for (const delta of await deltas("gpt2", id))
        expect(Math.abs(delta)).toBeLessThan(id.startsWith("perplexity") ? 1e-2 : 1e-4);
    },
  );

  test("is something that gradients do not have: Inseq's rule misses it", async () => {
    const model = tinyModel("gpt2", 3);
    const sequence = tinySequence({ target, start: 2, end: 5 });
    const asked = request("deeplift", { rule: "inseq", returnConvergenceDelta: true });
    const { stepScores } = await attributeSequence(model, sequence, asked);
    expect(Math.max(...(stepScores.deltas?.values ?? []).map(Math.abs))).toBeGreaterThan(1e-2);
    model.dispose();
  });

  test.each(architectures.filter(isMixture))("%s: a mixture of experts is refused", async (name) => {
    await expect(deltas(name)).rejects.toThrow("multipliers:");
  });
});

test.each(["gpt2", "llama", "marian", "t5"].flatMap((name) => compactFormats.map((format) => [name, format] as const)))(
  "%s with matrices in %s: scores add up for the rounded model",
  async (name, format) => {
    for (const delta of await deltas(name, "probability", format)) expect(Math.abs(delta)).toBeLessThan(TOLERANCE);
  },
);

test("where input and baseline nearly coincide the multipliers are the gradient", async () => {
  const model = tinyModel("llama", 3);
  const sequence = tinySequence({ target, start: 2, end: 5 });
  const own = { ...sequence, baselines: [{ source: null, target }] };
  const multipliers = await attributeSequence(model, own, request("deeplift", { multiplyByInputs: false }));
  const gradient = await attributeSequence(model, own, request("saliency", { abs: false }));
  closeScores(
    [...(multipliers.targetAttributions?.values ?? [])],
    [...(gradient.targetAttributions?.values ?? [])],
    2e-5,
  );
  model.dispose();
});
