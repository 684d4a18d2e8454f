/** Theorems about methods that work inside the model. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attributeSequence, type SequenceScores } from "../../../src/attribution/engine.ts";
import { type AttributeOptions, resolveOptions } from "../../../src/attribution/options.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import type { MethodId } from "../../../src/method/registry.ts";
import type { Model } from "../../../src/model/model.ts";
import type { Sites } from "../../../src/model/sites.ts";
import type { Scores } from "../../../src/result/attribution.ts";
import { int32, memory, tidy } from "../../../src/tensor.ts";
import { closeScores } from "../../support/closeScores.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

const models: Record<string, Model> = {};
beforeAll(async () => {
  await useBackend("auto");
  for (const [type, seed] of [
    ["gpt2", 3],
    ["llama", 4],
    ["t5", 2],
  ] as const)
    models[type] = tinyModel(type, seed);
});
afterAll(() => {
  for (const model of Object.values(models)) model.dispose();
});

const sequences = {
  gpt2: tinySequence({ target: [3, 9, 4, 20, 11, 6], start: 2, end: 6 }),
  llama: tinySequence({ target: [3, 9, 4, 20, 11, 6], start: 2, end: 6 }),
  t5: tinySequence({ source: [5, 9, 2, 30, 7], target: [0, 4, 8, 15], start: 1, end: 4 }),
};
type Kind = keyof typeof sequences;
const kinds = Object.keys(sequences) as Kind[];

async function run(kind: Kind, ...[method, options, changes]: Parameters<typeof request>): Promise<SequenceScores> {
  const asked = request(method, options, { attributeTarget: kind === "t5", ...changes });
  return await attributeSequence(models[kind] as Model, sequences[kind], asked);
}
const values = (scores: Scores | null): number[] => [...(scores?.values ?? [])];

/** Σ of each step's scores, of source and target. */
function sums({ sourceAttributions, targetAttributions, stepScores }: SequenceScores): number[] {
  const totals = new Float64Array(stepScores.probability?.values.length ?? 0);
  for (const scores of [sourceAttributions, targetAttributions]) {
    const [, G = 1, ...rest] = scores?.shape ?? [];
    const size = rest.reduce((product, length) => product * length, 1);
    for (const [i, value] of values(scores).entries()) {
      const g = Math.floor(i / size) % G;
      totals[g] = (totals[g] ?? 0) + (Number.isNaN(value) ? 0 : value);
    }
  }
  return [...totals];
}

describe.each(kinds)("%s", (kind) => {
  const block = kind === "t5" ? ["encoder.0.blockOutput", "decoder.0.blockOutput"] : ["0.blockOutput"];

  test("conductance over a cut of the model adds up to what integrated gradients do", async () => {
    // The encoder's and the decoder's first blocks together are no cut in T5: the encoder's last one reaches the decoder.
    const cut = kind === "t5" ? ["encoder.1.blockOutput", "decoder.-2.blockInput"] : block;
    const inner = await run(kind, "layer_conductance", { targetLayer: cut, nSteps: 1500 });
    const outer = await run(kind, "integrated_gradients", { nSteps: 512 });
    const [received, expected] = [sums(inner), sums(outer)];
    // The trapezoid rule errs by 1/n²; t5's paths are steep.
    for (const [g, value] of expected.entries()) expect(Math.abs((received[g] ?? 0) - value)).toBeLessThan(1e-3);
    expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(0.01);
  });

  test("DeepLIFT at a cut adds up exactly, as it does at the embeddings", async () => {
    const cut = kind === "t5" ? ["encoder.1.blockOutput", "decoder.-2.blockInput"] : block;
    const inner = sums(await run(kind, "layer_deeplift", { targetLayer: cut }));
    const outer = sums(await run(kind, "deeplift"));
    for (const [g, value] of outer.entries()) expect(Math.abs((inner[g] ?? 0) - value)).toBeLessThan(5e-6);
  });

  test("many layers in one call give what each gives alone, in one pass, and leave nothing behind", async () => {
    const all = kind === "t5" ? "decoder.*.mlpOutput" : "*.mlpOutput";
    const before = memory().numTensors;
    const many = await run(kind, "layer_gradient_x_activation", { targetLayer: all });
    expect(memory().numTensors).toBe(before);
    const G = many.targetAttributions?.shape[1] ?? 0;
    expect(many.rows).toBe(G);
    const [T = 0, , L = 0, D = 0] = many.targetAttributions?.shape ?? [];
    expect(L).toBe((models[kind] as Model).facts.layers);
    for (let layer = 0; layer < L; layer++) {
      const one = await run(kind, "layer_gradient_x_activation", { targetLayer: `decoder.${layer}.mlpOutput` });
      const slice = Array.from({ length: T * G }, (_, cell) =>
        values(many.targetAttributions).slice((cell * L + layer) * D, (cell * L + layer + 1) * D),
      ).flat();
      closeScores(slice, values(one.targetAttributions), 1e-5);
    }
  });

  test("integrated gradients of a site end where the site is its baseline's: their delta vanishes", async () => {
    for (const targetLayer of kind === "t5"
      ? ["encoder.0.mlpOutput", "decoder.1.cross.value"]
      : ["1.value", "0.headOutput"]) {
      const result = await run(kind, "layer_integrated_gradients", {
        targetLayer,
        nSteps: 200,
        returnConvergenceDelta: true,
      });
      for (const delta of result.stepScores.deltas?.values ?? [Number.NaN]) expect(Math.abs(delta)).toBeLessThan(5e-5);
    }
  });

  test("internal influence times the activation's change is conductance where the layer is linear in the input", async () => {
    // What enters the first block of T5 and Llama is the embedding itself.
    if (kind === "gpt2") return;
    const targetLayer = "decoder.0.blockInput";
    const influence = await run(kind, "internal_influence", { targetLayer, nSteps: 100 });
    const plain = await run(kind, "integrated_gradients", { nSteps: 100, multiplyByInputs: false });
    closeScores(values(influence.targetAttributions), values(plain.targetAttributions), 1e-4);
  });

  test("without a layer the embeddings are meant", async () => {
    const inner = await run(kind, "layer_gradient_x_activation");
    const outer = await run(kind, "input_x_gradient");
    closeScores(values(inner.targetAttributions), values(outer.targetAttributions), 1e-6);
    closeScores(values(inner.sourceAttributions), values(outer.sourceAttributions), 1e-6);
  });
});

test("module paths, negative layers and inputs of blocks mean the sites that they should", async () => {
  const of = async (targetLayer: string, options: object = {}) =>
    values((await run("llama", "layer_gradient_x_activation", { targetLayer, ...options })).targetAttributions);
  const mlp = await of("decoder.1.mlpOutput");
  for (const same of ["model.layers[1].mlp", "model.layers.1.mlp", "-1.mlpOutput", "model.layers[-1].mlp"]) {
    expect(await of(same)).toEqual(mlp);
  }
  expect(await of("model.layers[0].self_attn")).toEqual(await of("0.attentionOutput"));
  expect(await of("model.layers[1]", { attributeToLayerInput: true })).toEqual(await of("1.blockInput"));
});

test("what is no layer, has no input, or does not go together is refused with what there is", async () => {
  const refused = (options: object, changes: object = {}) => run("t5", "layer_deeplift", options, changes);
  await expect(refused({ targetLayer: "decoder.0.mlp_output" })).rejects.toThrow("decoder.*.cross.value");
  await expect(refused({ targetLayer: "decoder.7.mlpOutput" })).rejects.toThrow("there are 2 such layers, from 0");
  await expect(refused({ targetLayer: [] })).rejects.toThrow("received an empty list");
  await expect(refused({ targetLayer: "0.mlpOutput", attributeToLayerInput: true })).rejects.toThrow(
    "received mlpOutput",
  );
  await expect(refused({ attributeToLayerInput: true })).rejects.toThrow("expected targetLayer beside it");
  await expect(refused({ targetLayer: "*.mlpOutput", returnConvergenceDelta: true })).rejects.toThrow(
    "expected one layer",
  );
  await expect(refused({ targetLayer: ["0.mlpOutput", "0.headOutput"] })).rejects.toThrow(
    "expected layers of one width",
  );
});

test("a neuron is explained like a logit: integrated gradients add up to its change, in its own and no other unit", async () => {
  const model = models.llama as Model;
  const target = [3, 9, 4, 20, 11, 6];
  const neuron = { layer: "1.mlpOutput", unit: 5 };
  const asked = (method: MethodId, options: object) => ({
    ...resolveOptions(method, {}, { neuron, ...options }),
    attributeTarget: false,
    contrasts: [],
    output: null,
    contrastForceInputs: false,
    limits: { memoryBudget: 2 ** 28 },
  });
  const integrated = { nSteps: 200, returnConvergenceDelta: true };
  const result = await attributeSequence(model, sequences.llama, asked("integrated_gradients", integrated));
  for (const delta of result.stepScores.deltas?.values ?? [Number.NaN]) expect(Math.abs(delta)).toBeLessThan(2e-5);
  // The activation itself, read at the input and at the baseline.
  const at = (ids: number[]) => activations(model, ids, 1);
  const [here, there] = [at(target), at(target.map(() => 1))];
  const width = here.length / 6;
  const totals = Array.from({ length: 4 }, (_, g) => columnTotal(result.targetAttributions, g));
  for (const [g, total] of totals.entries()) {
    const unit = (g + 1) * width + neuron.unit;
    expect(Math.abs(total - ((here[unit] ?? 0) - (there[unit] ?? 0)))).toBeLessThan(5e-5);
  }
});

test("a neuron that is not there, or beside another function, is refused", async () => {
  const attribute = (options: object, method: MethodId = "saliency") =>
    resolveOptions(method, {}, options as AttributeOptions);
  const neuron = { layer: "1.mlpOutput", unit: 5 };
  expect(() => attribute({ neuron, attributedFn: "logit" })).toThrow("leave attributedFn");
  expect(() => attribute({ neuron }, "layer_deeplift")).toThrow("expected a method that attributes the embeddings");
  expect(() => attribute({ neuron: "1.mlpOutput" })).toThrow("expected { layer");
  const run = (kind: Kind, other: object) =>
    attributeSequence(models[kind] as Model, sequences[kind], {
      ...request("saliency"),
      neuron: { ...neuron, ...other },
    });
  await expect(run("llama", { unit: 999 })).rejects.toThrow("neuron: expected a unit from 0 to 15");
  await expect(run("t5", { layer: "encoder.0.mlpOutput" })).rejects.toThrow("expected one layer of the decoder");
  await expect(run("llama", { layer: "*.mlpOutput" })).rejects.toThrow("expected one layer of the decoder");
});

/** The feed-forward output of a layer for a text, [T, D]. */
function activations(model: Model, ids: number[], layer: number): Float32Array {
  const seen: Float32Array[] = [];
  const sites: Sites = {
    wants: (site) => site.name === "mlpOutput" && site.layer === layer,
    visit: (_, activation) => {
      seen.push(Float32Array.from(activation.dataSync()));
      return activation;
    },
  };
  tidy(() => {
    if (model.kind === "decoder-only")
      model.forward({ embeddings_BTD: model.embed(int32(ids, [1, ids.length])), sites });
  });
  return seen[0] ?? new Float32Array();
}

function columnTotal(scores: Scores | null, g: number): number {
  const [, G = 1, D = 1] = scores?.shape ?? [];
  return values(scores).reduce(
    (total, value, i) => (Math.floor(i / D) % G === g && !Number.isNaN(value) ? total + value : total),
    0,
  );
}
