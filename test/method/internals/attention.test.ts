/** Choosing layers and heads of `attention` is taking those of the whole result. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { attributeSequence } from "../../../src/attribution/engine.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import type { AttentionSelection } from "../../../src/method/internals/internals.ts";
import type { Model } from "../../../src/model/model.ts";
import type { Scores } from "../../../src/result/attribution.ts";
import { memory } from "../../../src/tensor.ts";
import { closeScores } from "../../support/closeScores.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

const models: Record<string, Model> = {};
beforeAll(async () => {
  await useBackend("auto");
  for (const type of ["gpt2", "t5"] as const) models[type] = tinyModel(type, 5);
});
afterAll(() => {
  for (const model of Object.values(models)) model.dispose();
});

const sequence = {
  gpt2: tinySequence({ target: [0, 4, 8, 15, 6], start: 2, end: 5 }),
  t5: tinySequence({ source: [5, 9, 2], target: [0, 4, 8, 15], start: 1, end: 4 }),
};

async function run(type: keyof typeof sequence, options: AttentionSelection = {}) {
  return await attributeSequence(models[type] as Model, sequence[type], request("attention", options));
}

/** Of [.., L, H] those of some layers and heads. */
function taken({ shape, values }: Scores, layers: readonly number[], heads: readonly number[]): Scores {
  const [K = 0, G = 0, L = 0, H = 0] = shape;
  const kept = Array.from({ length: K * G }, (_, cell) =>
    layers.flatMap((layer) => heads.map((head) => values[(cell * L + layer) * H + head] ?? 0)),
  );
  return { shape: [K, G, layers.length, heads.length], values: Float32Array.from(kept.flat()) };
}

test.each(["gpt2", "t5"] as const)("%s: takes layers and heads, and leaves nothing behind", async (type) => {
  const whole = await run(type);
  const before = memory().numTensors;
  const some = await run(type, { attentionLayers: -1, attentionHeads: [2, 0] });
  expect(memory().numTensors).toBe(before);
  const maps = ({ sourceAttributions, targetAttributions, sequenceScores }: typeof whole) =>
    [sourceAttributions, targetAttributions, ...Object.values(sequenceScores)].filter((scores) => scores !== null);
  expect(maps(some).length).toBe(type === "gpt2" ? 1 : 3);
  for (const [i, scores] of maps(some).entries()) {
    const expected = taken(maps(whole)[i] as Scores, [1], [2, 0]);
    expect(scores.shape).toEqual(expected.shape);
    closeScores([...scores.values], [...expected.values], 1e-6);
  }
});

test("refuses layers and heads that do not exist", async () => {
  const before = memory().numTensors;
  await expect(run("gpt2", { attentionLayers: 2 })).rejects.toThrow(
    "attentionLayers: expected indices from -2 to 1, of 2 entries, received 2",
  );
  await expect(run("t5", { attentionHeads: 3 })).rejects.toThrow(
    "attentionHeads: expected indices from -3 to 2, of 3 entries, received 3",
  );
  expect(memory().numTensors).toBe(before);
});
