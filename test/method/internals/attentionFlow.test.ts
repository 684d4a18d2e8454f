/** Attention flow is the largest flow through the maps that `attention` gives; the largest flow is the smallest cut. */

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attributeSequence } from "../../../src/attribution/engine.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import { createFlowNetwork, type Edge } from "../../../src/method/internals/maxFlow.ts";
import type { MethodId } from "../../../src/method/registry.ts";
import type { Model } from "../../../src/model/model.ts";
import { memory } from "../../../src/tensor.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

/** The smallest capacity that leaves a set of nodes with the source and without the sink: 2^(nodes − 2) sets. */
function smallestCut(nodes: number, edges: readonly Edge[], source: number, sink: number): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (let set = 0; set < 2 ** nodes; set++) {
    const has = (node: number): boolean => Math.floor(set / 2 ** node) % 2 === 1;
    if (!has(source) || has(sink)) continue;
    const cut = edges.reduce((sum, { from, to, capacity }) => sum + (has(from) && !has(to) ? capacity : 0), 0);
    smallest = Math.min(smallest, cut);
  }
  return smallest;
}

describe("the largest flow", () => {
  test("of the example of Cormen et al., Introduction to Algorithms, figure 26.1, is 23", () => {
    const pipes = [
      [0, 1, 16],
      [0, 2, 13],
      [1, 3, 12],
      [2, 1, 4],
      [2, 4, 14],
      [3, 2, 9],
      [3, 5, 20],
      [4, 3, 7],
      [4, 5, 4],
    ];
    const network = createFlowNetwork(
      6,
      pipes.map(([from = 0, to = 0, capacity = 0]) => ({ from, to, capacity })),
    );
    expect(network.maxFlow(0, 5)).toBe(23);
    // From an empty network every time.
    expect(network.maxFlow(0, 5)).toBe(23);
    expect(network.maxFlow(0, 3)).toBe(19);
    expect(network.maxFlow(5, 0)).toBe(0);
  });

  test("takes back what it has sent the wrong way", () => {
    // The only shortest way uses the middle pipe; the largest flow does not.
    const edges = [
      [0, 1],
      [0, 2],
      [1, 2],
      [1, 3],
      [2, 3],
    ].map(([from = 0, to = 0]) => ({ from, to, capacity: 1 }));
    expect(createFlowNetwork(4, edges).maxFlow(0, 3)).toBe(2);
  });

  test("is the smallest cut", () => {
    const node = fc.integer({ min: 0, max: 6 });
    const edge = fc.record({ from: node, to: node, capacity: fc.double({ min: 0, max: 1, noNaN: true }) });
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 25 }), (edges) => {
        const flow = createFlowNetwork(7, edges).maxFlow(0, 6);
        expect(Math.abs(flow - smallestCut(7, edges, 0, 6))).toBeLessThan(1e-9);
      }),
      { seed: 1, numRuns: 60 },
    );
  });
});

const models: Record<string, Model> = {};
beforeAll(async () => {
  await useBackend("auto");
  for (const type of ["gpt2", "t5"] as const) models[type] = tinyModel(type, 5);
});
afterAll(() => {
  for (const model of Object.values(models)) model.dispose();
});

const sequences = {
  gpt2: tinySequence({ target: [0, 4, 8, 15, 6], start: 1, end: 5 }),
  t5: tinySequence({ source: [5, 9, 2], target: [0, 4, 8, 15], start: 1, end: 4 }),
};
const scoresOf = async (type: "gpt2" | "t5", method: MethodId) =>
  await attributeSequence(models[type] as Model, sequences[type], request(method, {}, { attributeTarget: true }));

test.each(["gpt2", "t5"] as const)(
  "%s: at least what rollout gives, at most one, nothing left behind",
  async (type) => {
    const before = memory().numTensors;
    const flow = await scoresOf(type, "attention_flow");
    expect(memory().numTensors).toBe(before);
    const rollout = await scoresOf(type, "attention_rollout");
    let larger = 0;
    for (const side of ["sourceAttributions", "targetAttributions"] as const) {
      expect(flow[side]?.shape).toEqual(rollout[side]?.shape);
      for (const [i, share] of (rollout[side]?.values ?? []).entries()) {
        const value = flow[side]?.values[i] ?? Number.NEGATIVE_INFINITY;
        if (Number.isNaN(share)) expect(value).toBeNaN();
        else {
          expect(value).toBeGreaterThanOrEqual(share - 1e-6);
          expect(value).toBeLessThanOrEqual(1);
          larger += Number(value > share + 1e-3);
        }
      }
    }
    expect(larger).toBeGreaterThan(0);
  },
);

test("GPT-2: the smallest cut of the net that the attention maps make", async () => {
  const { targetAttributions: maps } = await scoresOf("gpt2", "attention");
  const [, T = 0, L = 0, H = 0] = maps?.shape ?? [];
  const pipe = (layer: number, query: number, key: number): number => {
    let total = 0;
    for (let head = 0; head < H; head++) total += maps?.values[((key * T + query) * L + layer) * H + head] ?? 0;
    return 0.5 * (total / H + Number(query === key));
  };
  const [query, edges]: [number, Edge[]] = [3, []];
  for (let layer = 0; layer < L; layer++) {
    for (let i = 0; i < T; i++) {
      for (let j = 0; j <= i; j++)
        edges.push({ from: layer * T + j, to: (layer + 1) * T + i, capacity: pipe(layer, i, j) });
    }
  }
  const flow = (await scoresOf("gpt2", "attention_flow")).targetAttributions;
  for (const key of [0, 2, 3]) {
    const cut = smallestCut((L + 1) * T, edges, key, L * T + query);
    expect(flow?.values[key * T + query]).toBeCloseTo(cut, 5);
  }
});
