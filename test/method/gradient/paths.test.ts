/** Theorems about methods that integrate along paths: sequential and discretized integrated gradients. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attributeSequence } from "../../../src/attribution/engine.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import { monotonicPaths } from "../../../src/method/gradient/monotonicPath.ts";
import type { Words } from "../../../src/method/problem.ts";
import type { Model } from "../../../src/model/model.ts";
import { closeScores } from "../../support/closeScores.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

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
type Kind = keyof typeof sequences;

async function run(kind: Kind, ...args: Parameters<typeof request>) {
  const [method, options, changes] = args;
  const asked = request(method, options, { attributeTarget: kind === "t5", ...changes });
  return await attributeSequence(models[kind] as Model, sequences[kind], asked);
}

describe.each(["gpt2", "t5"] as const)("sequential integrated gradients, %s", (kind) => {
  test("are complete token by token: their own delta vanishes, Inseq's does not", async () => {
    const own = await run(kind, "sequential_integrated_gradients", { nSteps: 300, returnConvergenceDelta: true });
    const inseq = await run(kind, "sequential_integrated_gradients", { nSteps: 300, returnConvergenceDelta: "inseq" });
    // T5's norm without mean makes paths steep where they pass near zero: these converge slowly, GPT-2's do at once.
    const bound = { gpt2: 1e-6, t5: 5e-4 }[kind];
    for (const delta of own.stepScores.deltas?.values ?? [Number.NaN]) expect(Math.abs(delta)).toBeLessThan(bound);
    expect(Math.max(...(inseq.stepScores.deltas?.values ?? []).map(Math.abs))).toBeGreaterThan(1e-3);
  });

  test("do not depend on how the points are cut into passes", async () => {
    const whole = await run(kind, "sequential_integrated_gradients", { nSteps: 3 });
    const cut = await run(kind, "sequential_integrated_gradients", { nSteps: 3, internalBatchSize: 1 });
    for (const field of ["sourceAttributions", "targetAttributions"] as const) {
      closeScores([...(cut[field]?.values ?? [])], [...(whole[field]?.values ?? [])], 1e-5);
    }
  });
});

test("with one token sequential integrated gradients are integrated gradients", async () => {
  const sequence = tinySequence({ target: [3, 9], start: 1, end: 2 });
  const of = async (method: "integrated_gradients" | "sequential_integrated_gradients") =>
    (await attributeSequence(models.gpt2 as Model, sequence, request(method, { nSteps: 5 }))).targetAttributions
      ?.values;
  closeScores(
    [...((await of("sequential_integrated_gradients")) ?? [])],
    [...((await of("integrated_gradients")) ?? [])],
    1e-5,
  );
});

test("the delta of discretized integrated gradients is what is missing to f(x) − f(x'), Inseq's has the ends exchanged", async () => {
  const options = { nSteps: 5, nNeighbors: 4 };
  const own = await run("gpt2", "discretized_integrated_gradients", { ...options, returnConvergenceDelta: true });
  const inseq = await run("gpt2", "discretized_integrated_gradients", { ...options, returnConvergenceDelta: "inseq" });
  const complete = await run("gpt2", "integrated_gradients", { nSteps: 512 });
  for (let g = 0; g < 4; g++) {
    const [sum, change] = [columnSum(own, g), columnSum(complete, g)];
    expect(Math.abs((own.stepScores.deltas?.values[g] ?? Number.NaN) - (sum - change))).toBeLessThan(5e-5);
    expect(Math.abs((inseq.stepScores.deltas?.values[g] ?? Number.NaN) - (sum + change))).toBeLessThan(5e-5);
    expect(Math.abs(change)).toBeGreaterThan(1e-3);
  }
});

/** The sum of a step's scores for target tokens. */
function columnSum({ targetAttributions }: Awaited<ReturnType<typeof run>>, g: number): number {
  const [, G = 1, D = 1] = targetAttributions?.shape ?? [];
  return [...(targetAttributions?.values ?? [])]
    .filter((value, i) => Math.floor(i / D) % G === g && !Number.isNaN(value))
    .reduce((total, value) => total + value, 0);
}

test("discretized integrated gradients need tokens for a baseline, two points and a known strategy", async () => {
  const refused = (options: object, changes: object = {}) =>
    run("gpt2", "discretized_integrated_gradients", options, changes);
  const zero = {
    ...sequences.gpt2,
    baselines: [{ source: null, target: sequences.gpt2.target.ids.map(() => "zero" as const) }],
  };
  const asked = request("discretized_integrated_gradients");
  await expect(attributeSequence(models.gpt2 as Model, zero, asked)).rejects.toThrow("needs a baseline of tokens");
  await expect(refused({ nSteps: 1 })).rejects.toThrow("nSteps: expected an integer ≥ 2");
  await expect(refused({ nNeighbors: 0 })).rejects.toThrow("nNeighbors: expected a positive integer");
  await expect(refused({ strategy: "gredy" })).rejects.toThrow('did you mean "greedy"?');
});

describe("a monotonic path", () => {
  // Words on a 6 × 6 grid; their neighbours by distance.
  const vectors = Array.from({ length: 36 }, (_, id) => Float32Array.from([id % 6, Math.floor(id / 6)]));
  const distance = (a: number, b: number) =>
    Math.hypot(...(vectors[a] ?? []).map((value, d) => value - (vectors[b]?.[d] ?? 0)));
  const words = (ids: number[]): Words => ({
    ids,
    isSpecial: (id) => id === 35,
    vectors: async (wanted) => wanted.map((id) => vectors[id] ?? new Float32Array()),
    neighbours: async (wanted, k) =>
      wanted.map((id) =>
        vectors
          .map((_, other) => other)
          .filter((other) => other !== id)
          .sort((a, b) => distance(a, id) - distance(b, id) || a - b)
          .slice(0, k),
      ),
  });

  test.each(["greedy", "maxcount"] as const)(
    "%s: goes from baseline to word, each dimension one way",
    async (strategy) => {
      const ids = [28, 3, 35, 0];
      const paths = await monotonicPaths(words(ids), [0, 0, 0, 0], { points: 9, neighbours: 8, strategy });
      for (const [s, path] of paths.entries()) {
        expect(path.length).toBe(9);
        expect(path[0]).toEqual(vectors[0]);
        expect(path.at(-1)).toEqual(vectors[ids[s] ?? 0]);
        for (let i = 1; i < path.length; i++) {
          for (const d of [0, 1]) expect(path[i]?.[d]).toBeGreaterThanOrEqual(path[i - 1]?.[d] ?? 0);
        }
      }
      // A special token stays itself until the last step.
      expect(paths[2]?.slice(1).every((point) => point[0] === 5 && point[1] === 5)).toBe(true);
    },
  );
});
