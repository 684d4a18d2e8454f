/** What perturbed texts share with the text is computed once: the same scores, and fewer positions go through the model. */

import { beforeAll, describe, expect, test } from "vitest";
import { attributeSequence } from "../../../src/attribution/engine.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import type { MethodId, MethodOptions } from "../../../src/method/registry.ts";
import type { DecoderInput, Model, ModelFacts } from "../../../src/model/model.ts";
import { memory } from "../../../src/tensor.ts";
import { closeScores } from "../../support/closeScores.ts";
import { families, smallModel } from "../../support/models.ts";
import { request, tinySequence } from "../../support/tinyModels.ts";

beforeAll(async () => {
  await useBackend("auto");
});

const target = [6, 4, 8, 15, 16, 3, 9, 2, 11];

/** The scores of a model, and how many positions of how many rows went through its decoder. */
async function run(model: Model, method: MethodId, options: MethodOptions, facts: Partial<ModelFacts> = {}) {
  let positions = 0;
  const counted = <Input extends DecoderInput>(input: Input): Input => {
    const [rows = 0, present = 0] = input.embeddings_BTD.shape;
    positions += rows * present;
    return input;
  };
  const watched: Model =
    model.kind === "decoder-only"
      ? { ...model, facts: { ...model.facts, ...facts }, forward: (input) => model.forward(counted(input)) }
      : {
          ...model,
          facts: { ...model.facts, ...facts },
          decode: (input, states) => model.decode(counted(input), states),
        };
  const isPair = model.kind === "encoder-decoder";
  const sequence = tinySequence({ ...(isPair ? { source: [5, 9, 7, 10, 11] } : {}), target, start: 3, end: 9 });
  const asked = request(method, options, { attributeTarget: isPair });
  const { sourceAttributions, targetAttributions, rows } = await attributeSequence(watched, sequence, asked);
  const values = [...(sourceAttributions?.values ?? []), ...(targetAttributions?.values ?? [])];
  return { values, rows, positions };
}

describe.each(families)("%s", (family) => {
  test.each([
    ["occlusion", {}],
    ["leave_one_out", { perturbationsPerEval: 3 }],
    ["shapley_value_sampling", { removal: "resample", nSamples: 2 }],
  ] as const)("%s gives the scores that it gives without sharing", async (method, options) => {
    const model = smallModel(family);
    const before = memory().numTensors;
    const shared = await run(model, method, options);
    expect(memory().numTensors).toBe(before);
    const alone = await run(model, method, options, { withoutCache: true });
    closeScores(shared.values, alone.values, 2e-6);
    expect(shared.rows).toBe(alone.rows);
    // Random coalitions of so short a text share too little to be worth it.
    if (method !== "shapley_value_sampling") expect(shared.positions).toBeLessThan(alone.positions);
    model.dispose();
  });
});
