/** Value-weighted norms are what the definition says, with the projection taken from the model's weights. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { attributeSequence } from "../../../src/attribution/engine.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import type { Model } from "../../../src/model/model.ts";
import type { SiteName } from "../../../src/model/sites.ts";
import { memory, onesLike, zerosLike } from "../../../src/tensor.ts";
import { closeScores } from "../../support/closeScores.ts";
import { goldenModel, logits } from "../../support/models.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

let gpt2: Model;
let t5: Model;
beforeAll(async () => {
  await useBackend("auto");
  [gpt2, t5] = [tinyModel("gpt2", 5), tinyModel("t5", 5)];
});
afterAll(() => {
  for (const model of [gpt2, t5]) model.dispose();
});

const target = [0, 4, 8, 15, 6];
const sequence = tinySequence({ target, start: 1, end: 5 });

test("GPT-2: norms of weighted, projected values; in passes of any size; nothing is left behind", async () => {
  const [T, H, K, D] = [4, 3, 4, 12];
  const seen = new Map<string, Float32Array>();
  const names: readonly SiteName[] = ["value", "attentionProbabilities"];
  logits(gpt2, {
    targetIds: [target.slice(0, T)],
    sites: {
      wants: ({ name, layer }) => layer === 1 && names.includes(name),
      visit(site, x) {
        seen.set(site.name, Float32Array.from(x.dataSync()));
        return x;
      },
    },
  });
  const [value = [], attention = []] = names.map((name) => seen.get(name) ?? []);
  const output = gpt2.layers
    .flatMap((layer) => layer.weights)
    .find(({ name }) => name.includes("blocks.1.attention.output.kernel"));
  const kernel = output?.read().dataSync() ?? [];
  expect(kernel.length).toBe(D * D);
  const expected: number[] = [];
  for (let key = 0; key < T + 1; key++) {
    for (let query = 0; query < T; query++) {
      if (key > query) {
        expected.push(Number.NaN);
        continue;
      }
      const vector = Array.from({ length: D }, (_, d) => {
        let total = 0;
        for (let h = 0; h < H; h++) {
          for (let k = 0; k < K; k++) {
            const weighted = (attention[(h * T + query) * T + key] ?? 0) * (value[(h * T + key) * K + k] ?? 0);
            total += weighted * (kernel[(h * K + k) * D + d] ?? 0);
          }
        }
        return total;
      });
      expected.push(Math.hypot(...vector));
    }
  }
  const before = memory().numTensors;
  for (const limits of [{ memoryBudget: 2 ** 28 }, { memoryBudget: 2 ** 28, rows: 4 }]) {
    const { targetAttributions } = await attributeSequence(
      gpt2,
      sequence,
      request("value_weighted_norms", {}, { limits }),
    );
    expect(targetAttributions?.shape).toEqual([T + 1, T, 2]);
    closeScores(
      [...(targetAttributions?.values ?? [])].filter((_, i) => i % 2 === 1),
      expected,
      1e-5,
    );
  }
  expect(memory().numTensors).toBe(before);
});

test("T5: source and target", async () => {
  const both = tinySequence({ source: [5, 9, 2], target, start: 1, end: 4 });
  const scores = await attributeSequence(t5, both, request("value_weighted_norms", {}, { attributeTarget: true }));
  expect(scores.sourceAttributions?.shape).toEqual([3, 3, 2]);
  expect(scores.sourceAttributions?.values.every((norm) => norm > 0)).toBe(true);
  expect(scores.targetAttributions?.shape).toEqual([4, 3, 2]);
});

test("GPT-2 with the residual connection: what the position itself adds contains its own state", async () => {
  const [T, D] = [4, 12];
  const seen = new Map<string, Float32Array>();
  logits(gpt2, {
    targetIds: [target.slice(0, T)],
    sites: {
      wants: ({ name, layer }) => layer === 0 && (name === "blockInput" || name === "attentionOutput"),
      visit(site, x) {
        seen.set(site.name, Float32Array.from(x.dataSync()));
        return x;
      },
    },
  });
  const [plain, residual] = await Promise.all(
    [false, true].map((withResidual) =>
      attributeSequence(gpt2, sequence, request("value_weighted_norms", { withResidual })),
    ),
  );
  const at = (scores: typeof plain, key: number, query: number) =>
    scores?.targetAttributions?.values[(key * T + query) * 2];
  for (const [key, query] of [
    [0, 1],
    [1, 3],
  ] as const)
    expect(at(residual, key, query)).toBe(at(plain, key, query));
  // The first position attends to itself alone: its vector is the state behind the attention part, but for b_O.
  const bias = gpt2.layers
    .flatMap((layer) => layer.weights)
    .find(({ name }) => name.includes("blocks.0.attention.output.bias"));
  const state = Array.from(
    { length: D },
    (_, d) =>
      (seen.get("blockInput")?.[d] ?? 0) + (seen.get("attentionOutput")?.[d] ?? 0) - (bias?.read().dataSync()[d] ?? 0),
  );
  expect(at(residual, 0, 0)).toBeCloseTo(Math.hypot(...state), 4);
});

test("BART with the residual connection: vectors go through the norm behind it", async () => {
  const bart = tinyModel("bart", 5);
  const both = tinySequence({ source: [5, 9, 2], target, start: 1, end: 2 });
  const asked = request("value_weighted_norms", { withResidual: true }, { attributeTarget: true });
  const { targetAttributions } = await attributeSequence(bart, both, asked);
  // What leaves the first attention part of the first position is read off the residual sum of the next part, which is
  // normalised: (x − μ) / σ with a scale of ones has the length √D, and the biases are zero.
  const weights = (of: string) =>
    bart.layers.flatMap((layer) => layer.weights).filter(({ name }) => name.includes(`decoder.blocks.0.${of}`));
  for (const scale of weights("attentionNorm.scale")) scale.write(onesLike(scale.read()));
  for (const bias of [...weights("attentionNorm.bias"), ...weights("attention.output.bias")])
    bias.write(zerosLike(bias.read()));
  const scaled = await attributeSequence(bart, both, asked);
  expect(targetAttributions?.values[0]).toBeGreaterThan(0);
  expect(scaled.targetAttributions?.values[0]).toBeCloseTo(Math.sqrt(12), 3);
  bart.dispose();
});

test("a model that normalises what attention gives is refused", async () => {
  const olmo2 = await goldenModel("olmo2");
  const before = memory().numTensors;
  await expect(attributeSequence(olmo2, sequence, request("value_weighted_norms"))).rejects.toThrow(
    "expected a model whose attention's output is an affine function of its heads",
  );
  expect(memory().numTensors).toBe(before);
  olmo2.dispose();
});
