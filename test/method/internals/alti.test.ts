/** ALTI and information-flow routes: shares, the definitions recomputed in Python and on the host, and what both share. */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attributeSequence } from "../../../src/attribution/engine.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import type { MethodId, MethodOptions } from "../../../src/method/registry.ts";
import type { Model } from "../../../src/model/model.ts";
import type { Site } from "../../../src/model/sites.ts";
import type { Scores } from "../../../src/result/attribution.ts";
import { memory } from "../../../src/tensor.ts";
import { closeScores } from "../../support/closeScores.ts";
import { goldenPath } from "../../support/goldenResults.ts";
import { goldenModel, logits } from "../../support/models.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

const models: Record<string, Model> = {};
beforeAll(async () => {
  await useBackend("auto");
  for (const type of ["gpt2", "llama", "t5", "marian"] as const) models[type] = await goldenModel(type);
  models.tiny = tinyModel("gpt2", 5);
});
afterAll(() => {
  for (const model of Object.values(models)) model.dispose();
});

const target = [0, 4, 8, 15, 6];
const sequenceOf = (model: Model) =>
  model.kind === "decoder-only"
    ? tinySequence({ target, start: 1, end: 5 })
    : tinySequence({ source: [5, 9, 2], target, start: 1, end: 5 });

async function run(type: string, method: MethodId, options: MethodOptions = {}) {
  const model = models[type] as Model;
  return await attributeSequence(model, sequenceOf(model), request(method, options, { attributeTarget: true }));
}

/** Column by column, NaN as 0. */
function columns(scores: Scores | null): number[][] {
  const [K = 0, G = 0] = scores?.shape ?? [];
  return Array.from({ length: G }, (_, g) => Array.from({ length: K }, (_, key) => scores?.values[key * G + g] || 0));
}

describe.each(["gpt2", "llama", "t5", "marian"])("%s", (type) => {
  test.each(["alti", "information_flow_routes"] as const)(
    "%s: shares of source and prefix sum to one",
    async (method) => {
      await run(type, method);
      const before = memory().numTensors;
      const { sourceAttributions, targetAttributions } = await run(type, method);
      expect(memory().numTensors).toBe(before);
      const source = columns(sourceAttributions);
      const all = columns(targetAttributions).map((row, g) => [...row, ...(source[g] ?? [])]);
      expect(all.length).toBe(4);
      for (const row of all) {
        expect(row.every((share) => share >= 0)).toBe(true);
        expect(row.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
      }
      expect(all.at(-1)?.filter((share) => share > 1e-4).length).toBeGreaterThan(1);
    },
  );
});

interface Shares {
  /** [T][T] and [T][S], the predicting position first. */
  readonly target: number[][];
  readonly source?: number[][];
}
/** In float64, from the weights and attentions of Hugging Face's models: see make_alti.py. */
const golden = JSON.parse(readFileSync(goldenPath("alti.json"), "utf8")) as {
  readonly source: number[];
  readonly target: number[];
} & Record<"gpt2" | "marian", Record<"alti" | "information_flow_routes", Shares>>;

describe.each(["gpt2", "marian"] as const)("%s, recomputed in Python", (type) => {
  test.each(["alti", "information_flow_routes"] as const)("%s", async (method) => {
    const model = models[type] as Model;
    const { source, target } = golden;
    const sequence = tinySequence({ ...(type === "marian" && { source }), target, start: 1, end: target.length });
    const asked = request(method, {}, { attributeTarget: true });
    const { sourceAttributions, targetAttributions } = await attributeSequence(model, sequence, asked);
    const expected = golden[type][method];
    // The last position predicts nothing that is attributed.
    closeScores(columns(targetAttributions).flat(), expected.target.slice(0, -1).flat(), 1e-5);
    closeScores(columns(sourceAttributions).flat(), (expected.source ?? []).slice(0, -1).flat(), 1e-5);
  });
});

/** What a layer of the tiny GPT-2 has at its sites, and the projection of its heads. */
function layerOf(layer: number) {
  const [T, H, K, D] = [4, 3, 4, 12];
  const seen = new Map<Site["name"], Float32Array>();
  const names: readonly Site["name"][] = ["blockInput", "value", "attentionProbabilities", "attentionOutput"];
  logits(models.tiny as Model, {
    targetIds: [target.slice(0, T)],
    sites: {
      wants: (site) => site.layer === layer && names.includes(site.name),
      visit(site, x) {
        seen.set(site.name, Float32Array.from(x.dataSync()));
        return x;
      },
    },
  });
  const weights = models.tiny?.layers.flatMap((one) => one.weights) ?? [];
  const kernel = weights
    .find(({ name }) => name.includes(`blocks.${layer}.attention.output.kernel`))
    ?.read()
    .dataSync();
  const at = (name: Site["name"], index: number): number => seen.get(name)?.[index] ?? Number.NaN;
  /** α v W_O of one head. */
  const vector = (h: number, i: number, j: number): number[] =>
    Array.from({ length: D }, (_, d) => {
      let total = 0;
      for (let k = 0; k < K; k++) total += at("value", (h * T + j) * K + k) * (kernel?.[(h * K + k) * D + d] ?? 0);
      return at("attentionProbabilities", (h * T + i) * T + j) * total;
    });
  const row = (name: Site["name"], i: number): number[] => Array.from({ length: D }, (_, d) => at(name, i * D + d));
  return { T, H, vector, row };
}

const added = (...vectors: number[][]): number[] =>
  (vectors[0] ?? []).map((_, d) => vectors.reduce((sum, vector) => sum + (vector[d] ?? 0), 0));
const length1 = (vector: number[]): number => vector.reduce((sum, x) => sum + Math.abs(x), 0);
const contribution = (y: number[], z: number[]): number =>
  Math.max(0, length1(y) - length1(y.map((x, d) => x - (z[d] ?? 0))));
const timesRows = (matrix: number[][], rows: number[][]): number[][] =>
  matrix.map((line) => (rows[0] ?? []).map((_, j) => line.reduce((sum, x, k) => sum + x * (rows[k]?.[j] ?? 0), 0)));

/** Rolled out shares, from the edges into each position: heads and residual are told apart. */
function rolledByHand(shares: (edges: { readonly from: number; readonly z: number[] }[], y: number[]) => number[]) {
  let rolled = Array.from({ length: 4 }, (_, i) => Array.from({ length: 4 }, (_, j) => Number(i === j)));
  for (const layer of [0, 1]) {
    const { T, H, vector, row } = layerOf(layer);
    const matrix = Array.from({ length: T }, (_, i) => {
      const y = added(row("blockInput", i), row("attentionOutput", i));
      const edges = [{ from: i, z: row("blockInput", i) }];
      for (let j = 0; j <= i; j++) for (let h = 0; h < H; h++) edges.push({ from: j, z: vector(h, i, j) });
      return shares(edges, y);
    });
    rolled = timesRows(matrix, rolled);
  }
  return rolled;
}

test("GPT-2: ALTI is the product of the layers' shares in the L1 norm", async () => {
  const expected = rolledByHand((edges, y) => {
    const c = [0, 1, 2, 3].map((j) => {
      const z = edges.filter(({ from }) => from === j).map((edge) => edge.z);
      return z.length === 0 ? 0 : contribution(y, added(...z));
    });
    const total = c.reduce((sum, x) => sum + x, 0);
    return c.map((x) => x / total);
  });
  const received = columns((await run("tiny", "alti")).targetAttributions).map((row) => row.slice(0, 4));
  closeScores(received.flat(), expected.flat(), 1e-5);
});

test.each([0, 0.04, 0.2])("GPT-2: routes with edges above %d are cut and shared head by head", async (threshold) => {
  let cut = 0;
  const expected = rolledByHand((edges, y) => {
    const c = edges.map(({ z }) => contribution(y, z));
    const total = c.reduce((sum, x) => sum + x, 0);
    const kept = c.map((x) => (x >= threshold * total ? x : 0));
    cut += c.filter((x, e) => x > 0 && kept[e] === 0).length;
    const left = kept.reduce((sum, x) => sum + x, 0);
    return [0, 1, 2, 3].map((j) =>
      edges.reduce((sum, { from }, e) => sum + (from === j ? (kept[e] ?? 0) / left : 0), 0),
    );
  });
  expect(cut > 0).toBe(threshold > 0);
  const { targetAttributions } = await run("tiny", "information_flow_routes", { routeThreshold: threshold });
  closeScores(
    columns(targetAttributions).flatMap((row) => row.slice(0, 4)),
    expected.flat(),
    1e-5,
  );
});

test("routes lead from the predicting position to the inputs: what they carry is the token's importance", async () => {
  const sequence = tinySequence({ target, start: 3, end: 4 });
  const asked = request("information_flow_routes", { outputRoutes: true, routeThreshold: 0.1 });
  const { targetAttributions, sequenceScores } = await attributeSequence(models.tiny as Model, sequence, asked);
  const routes = sequenceScores.decoder_routes;
  expect(routes?.shape).toEqual([3, 3, 2]);
  const matrix = (layer: number) =>
    [0, 1, 2].map((query) => [0, 1, 2].map((key) => routes?.values[(key * 3 + query) * 2 + layer] ?? Number.NaN));
  // Only the predicting position is reached in the last layer.
  expect(matrix(1).slice(0, 2).flat()).toEqual([0, 0, 0, 0, 0, 0]);
  const carried = timesRows(matrix(1), matrix(0))[2] ?? [];
  closeScores(columns(targetAttributions)[0]?.slice(0, 3) ?? [], carried, 1e-5);
});

test("refuses thresholds that are no share, and attention that is not affine", async () => {
  await expect(run("tiny", "information_flow_routes", { routeThreshold: 1.5 })).rejects.toThrow(
    "routeThreshold: expected a share from 0 to 1, received 1.5",
  );
  const gemma2 = await goldenModel("gemma2");
  await expect(attributeSequence(gemma2, sequenceOf(gemma2), request("alti"))).rejects.toThrow(
    "alti: expected a model whose attention's output is an affine function of its heads, received gemma2, where " +
      "decoder.0.attentionOutput is normalised",
  );
  gemma2.dispose();
});
