/** Attention times gradient is the derivative by a factor on what heads read, and what finite differences give. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attributeSequence } from "../../../src/attribution/engine.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import type { MethodOptions } from "../../../src/method/registry.ts";
import type { Model } from "../../../src/model/model.ts";
import { findScore } from "../../../src/score/registry.ts";
import { memory, mul, tensor } from "../../../src/tensor.ts";
import { closeScores } from "../../support/closeScores.ts";
import { goldenModel, logits } from "../../support/models.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

const models: Record<string, Model> = {};
beforeAll(async () => {
  await useBackend("auto");
  models.gpt2 = tinyModel("gpt2", 5);
  models.t5 = tinyModel("t5", 5);
  models.llama = await goldenModel("llama");
});
afterAll(() => {
  for (const model of Object.values(models)) model.dispose();
});

const target = [0, 4, 8, 15, 6];
const source = [5, 9, 2];
const sequenceOf = (model: Model, start = 1) =>
  model.kind === "decoder-only"
    ? tinySequence({ target, start, end: 5 })
    : tinySequence({ source, target, start, end: 5 });
const logit = { attributed: { id: "logit", score: findScore("logit"), options: {} } };

async function run(type: string, options: MethodOptions = {}, changes: object = {}, start = 1) {
  const model = models[type] as Model;
  const asked = request("attention_x_gradient", options, { attributeTarget: true, ...logit, ...changes });
  return await attributeSequence(model, sequenceOf(model, start), asked);
}

/** The logit of the last attributed token with all that one head reads at one key made larger. */
function logitWith(
  type: string,
  at: { attention: "self" | "cross"; layer: number; head: number; key: number },
  factor: number,
) {
  const model = models[type] as Model;
  const prefix = [target.slice(0, 4)];
  const z = logits(model, {
    ...(model.kind === "decoder-only" ? { targetIds: prefix } : { sourceIds: [source], targetIds: prefix }),
    sites: {
      wants: (site) =>
        site.name === "attentionProbabilities" &&
        site.stack === "decoder" &&
        site.attention === at.attention &&
        site.layer === at.layer,
      visit(_, x) {
        const [, H = 0, , S = 0] = x.shape;
        const factors = new Float32Array(H * S).fill(1);
        factors[at.head * S + at.key] = factor;
        return mul(x, tensor(factors, [1, H, 1, S]));
      },
    },
  } as Parameters<typeof logits>[1]);
  const V = model.facts.vocabSize;
  return z[3 * V + (target[4] ?? 0)] ?? Number.NaN;
}

describe.each(["gpt2", "t5"])("%s", (type) => {
  test("is what finite differences give, and leaves nothing behind", async () => {
    await run(type);
    const before = memory().numTensors;
    const scores = await run(type);
    expect(memory().numTensors).toBe(before);
    const places = [
      { attention: "self", layer: 0, head: 1, key: 0 },
      { attention: "self", layer: 0, head: 0, key: 2 },
      { attention: "self", layer: 1, head: 2, key: 3 },
      ...(type === "t5" ? [{ attention: "cross", layer: 0, head: 2, key: 1 } as const] : []),
    ] as const;
    const [expected, received]: [number[], number[]] = [[], []];
    for (const place of places) {
      const grid = place.attention === "self" ? scores.targetAttributions : scores.sourceAttributions;
      const [, G = 0, L = 0, H = 0] = grid?.shape ?? [];
      received.push(grid?.values[((place.key * G + 3) * L + place.layer) * H + place.head] ?? Number.NaN);
      // Float32 and third derivatives: the best step is near the cube root of the rounding.
      expected.push((logitWith(type, place, 1 + 1e-2) - logitWith(type, place, 1 - 1e-2)) / 2e-2);
    }
    closeScores(received, expected, 5e-3);
  });
});

test("passes of any size, layers and heads chosen, steps alone: the same numbers", async () => {
  const whole = (await run("llama")).targetAttributions;
  const [K = 0, G = 0, L = 0, H = 0] = whole?.shape ?? [];
  const small = await run("llama", {}, { limits: { memoryBudget: 2 ** 28, rows: 1 } });
  closeScores([...(small.targetAttributions?.values ?? [])], [...(whole?.values ?? [])], 1e-5);
  const some = (await run("llama", { attentionLayers: -1, attentionHeads: [1, 0] })).targetAttributions;
  expect(some?.shape).toEqual([K, G, 1, 2]);
  const taken = Array.from({ length: K * G }, (_, cell) =>
    [1, 0].map((h) => whole?.values[(cell * L + L - 1) * H + h] ?? 0),
  );
  closeScores([...(some?.values ?? [])], taken.flat(), 1e-5);
  const last = (await run("llama", {}, {}, 4)).targetAttributions;
  const column = Array.from({ length: K }, (_, key) => [
    ...(whole?.values.slice((key * G + 3) * L * H, (key * G + 4) * L * H) ?? []),
  ]);
  closeScores([...(last?.values ?? [])], column.flat(), 1e-5);
});

test("positive derivatives only: no score is negative, none is smaller than with all of them", async () => {
  const all = (await run("gpt2")).targetAttributions?.values ?? [];
  const positive = (await run("gpt2", { positiveGradients: true })).targetAttributions?.values ?? [];
  expect([...all].some((score) => score < 0)).toBe(true);
  for (const [i, score] of positive.entries()) {
    if (Number.isNaN(score)) expect(all[i]).toBeNaN();
    else expect(score).toBeGreaterThanOrEqual(Math.max(0, all[i] ?? 0) - 1e-6);
  }
});

test("a difference of logits; a token compared with itself; what has no gradient", async () => {
  const contrast = { source: null, target: null, positions: [1, 2, 3, 4], ids: [7, 3, 15, 6] };
  const difference = { id: "contrast_logits_diff", score: findScore("contrast_logits_diff"), options: {} };
  const { targetAttributions } = await run("gpt2", {}, { attributed: difference, contrasts: [contrast] });
  const [K = 0, G = 0, L = 0, H = 0] = targetAttributions?.shape ?? [];
  const column = (g: number) =>
    Array.from({ length: K }, (_, key) => [
      ...(targetAttributions?.values.slice((key * G + g) * L * H, (key * G + g + 1) * L * H) ?? []),
    ])
      .flat()
      .filter((score) => !Number.isNaN(score));
  expect(column(1).some((score) => Math.abs(score) > 1e-4)).toBe(true);
  expect(Math.max(...column(2).map(Math.abs), ...column(3).map(Math.abs))).toBeLessThan(1e-5);
  const size = { id: "top_p_size", score: findScore("top_p_size"), options: {} };
  await expect(run("gpt2", {}, { attributed: size })).rejects.toThrow(
    'attributedFn: expected a differentiable function for attention_x_gradient, received "top_p_size"',
  );
});
