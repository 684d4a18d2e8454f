/** A converted graph as a model: it is a GPT-2, so its logits, searches and attributions are those of our GPT-2. */

import { beforeAll, describe, expect, test, vi } from "vitest";
import { ConfigError, FileError, OptionError, UnsupportedError } from "../../../src/errors.ts";
import { type FileSource, filesFromMemory } from "../../../src/files.ts";
import { type LoadOptions, loadModel } from "../../../src/loadModel.ts";
import type { MethodId } from "../../../src/method/registry.ts";
import { openFolder } from "../../../src/platform/node.ts";
import { memory } from "../../../src/tensor.ts";
import { useCpu } from "../../support/backend.ts";
import { presentBackends } from "../../support/backends.ts";
import { goldenPath } from "../../support/goldenResults.ts";
import { gpt2Graph } from "../../support/graphFixture.ts";
import { relativeDifference } from "../../support/models.ts";

const folder = await openFolder(goldenPath("gpt2", "model"));
const backend = presentBackends.includes("native") ? "native" : "cpu";
const text = "One day, a little";
const generationArgs = { max_new_tokens: 3 };

beforeAll(useCpu);

const graphs = new Map<string, Promise<FileSource>>();
/** Graphs are written on the backend in use, so all before the first model. */
beforeAll(async () => {
  for (const variant of [{}, { padded: true }, { einsum: true }, { acausal: true }, { twice: true }])
    graphs.set(JSON.stringify(variant), Promise.resolve(await gpt2Graph(folder, variant)));
});
const graph = async (variant: object = {}): Promise<FileSource> =>
  (await graphs.get(JSON.stringify(variant))) ?? filesFromMemory("none", {});

async function scores(files: FileSource, method: MethodId, options: object = {}, load: LoadOptions = {}) {
  const model = await loadModel(files, method, { backend, ...load });
  try {
    const output = await model.attribute(text, null, { generationArgs, stepScores: ["probability"], ...options });
    const [sequence] = output.sequenceAttributions;
    return {
      ids: sequence?.target.map(({ id }) => id),
      values: Float32Array.from(sequence?.targetAttributions?.values ?? []).map((x) => (Number.isNaN(x) ? -9 : x)),
      probability: Float32Array.from(sequence?.stepScores.probability?.values ?? []),
      info: output.info,
    };
  } finally {
    model.dispose();
  }
}

/** float32 in another order of operations: layer norms and softmax of many small kernels. */
const TOLERANCE = 1e-4;

test.each<[MethodId, object]>([
  ["saliency", {}],
  ["integrated_gradients", { nSteps: 7 }],
  ["gradient_shap", { nSamples: 3, seed: 5 }],
  ["occlusion", {}],
  ["segment_input_x_gradient", { players: "token" }],
  ["lime", { nSamples: 40, seed: 5 }],
])("%s is what it is of the model with the same weights", async (method, options) => {
  const own = await scores(folder, method, options);
  const ofGraph = await scores(await graph(), method, options);
  expect(ofGraph.ids).toEqual(own.ids);
  expect(ofGraph.values.length).toBeGreaterThan(10);
  expect(relativeDifference(ofGraph.values, own.values)).toBeLessThan(TOLERANCE);
  expect(relativeDifference(ofGraph.probability, own.probability)).toBeLessThan(TOLERANCE);
});

test("no tensor is left behind", async () => {
  const files = await graph();
  const before = memory().numTensors;
  await scores(files, "saliency");
  expect(memory().numTensors).toBe(before);
});

test("with inputs for mask and positions a padded batch equals its single runs; without it is refused", async () => {
  const texts = [text, "The"];
  const generate = async (files: FileSource, inputs: readonly string[]) => {
    const model = await loadModel(files, "saliency", { backend });
    try {
      return await model.generate(inputs, generationArgs);
    } finally {
      model.dispose();
    }
  };
  const files = await graph({ padded: true });
  const alone = [...(await generate(files, [text])), ...(await generate(files, ["The"]))];
  expect(await generate(files, texts)).toEqual(alone);
  expect(await generate(folder, texts)).toEqual(alone);
  await expect(generate(await graph(), texts)).rejects.toThrow(/no input for a mask; set batchSize to 1/);
});

describe("an operation without a gradient", () => {
  test("is named by gradient methods", async () => {
    const attributing = scores(await graph({ einsum: true }), "saliency");
    await expect(attributing).rejects.toBeInstanceOf(UnsupportedError);
    await expect(attributing).rejects.toThrow(/has none for Einsum, which this model uses; take a perturbation method/);
    await expect(scores(await graph({ einsum: true }), "segment_input_x_gradient")).rejects.toThrow(
      /no rule for the tangent of the operation Einsum, which this model uses; take a perturbation method/,
    );
  });

  test("and what is inside, are missed before anything is generated", async () => {
    const model = await loadModel(await graph({ einsum: true }), "saliency", { backend });
    if (model.model.kind !== "decoder-only") throw new Error("expected a decoder");
    const forward = vi.spyOn(model.model, "forward");
    for (const method of ["saliency", "segment_input_x_gradient", "attention", "logit_lens"] as const) {
      await expect(model.attribute(text, null, { method, generationArgs })).rejects.toBeInstanceOf(UnsupportedError);
    }
    const lengths = forward.mock.calls.map(([{ embeddings_BTD }]) => embeddings_BTD.shape[1]);
    expect(new Set(lengths)).toEqual(new Set([1]));
    forward.mockRestore();
    model.dispose();
  });

  test("does not hinder perturbation methods", async () => {
    const { values } = await scores(await graph({ einsum: true }), "leave_one_out");
    const own = await scores(folder, "leave_one_out");
    expect(relativeDifference(values, own.values)).toBeLessThan(TOLERANCE);
  });
});

describe("embeddings that are not found", () => {
  test("can be named", async () => {
    const { values } = await scores(
      await graph({ twice: true }),
      "saliency",
      {},
      { graph: { embeddings: "model/both" } },
    );
    expect(relativeDifference(values, (await scores(folder, "saliency")).values)).toBeLessThan(TOLERANCE);
  });

  test("leave perturbation methods, and gradients say what to name", async () => {
    const { values } = await scores(await graph({ twice: true }), "occlusion");
    expect(relativeDifference(values, (await scores(folder, "occlusion")).values)).toBeLessThan(TOLERANCE);
    const files = await graph({ twice: true });
    await expect(scores(files, "saliency")).rejects.toThrow(/gradients with respect to token ids.*graph\.embeddings/);
    await expect(scores(files, "integrated_gradients")).rejects.toThrow(/gradients with respect to token ids/);
    await expect(scores(files, "occlusion", { baseline: "mean" })).rejects.toThrow(/expected tokens/);
    await expect(scores(files, "saliency", {}, { graph: { embeddings: "model/embeddings" } })).rejects.toThrow(
      /graph\.embeddings: expected a node through which all.*GatherV2_\d+ \(GatherV2\) goes around model\/embeddings/,
    );
  });
});

describe("is refused", () => {
  test.each<[string, object, LoadOptions, RegExp, new (message: string) => Error]>([
    ["a graph that looks ahead", { acausal: true }, {}, /expected a causal language model/, UnsupportedError],
    [
      "a node that is none",
      {},
      { graph: { embeddings: "model/embedding" } },
      /did you mean "model\/embeddings"/,
      OptionError,
    ],
    ["an unknown name", {}, { graph: { embedding: "x" } as object }, /unknown option "embedding"/, OptionError],
    ["logits that are none", {}, { graph: { logits: "input_ids" } }, /expected logits \[B, T, V\]/, ConfigError],
    ["quantisation", {}, { quantize: "int8" }, /expected neither for a graph/, OptionError],
  ])("%s", async (_, variant, options, message, type) => {
    const loading = loadModel(await graph(variant), "saliency", { backend, ...options });
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toBeInstanceOf(type);
  });

  test("what needs the inside of a model", async () => {
    await expect(scores(await graph(), "attention", { stepScores: [] })).rejects.toThrow(
      /nothing is known of what is inside a graph/,
    );
  });

  test("the option graph for a checkpoint", async () => {
    await expect(loadModel(folder, "saliency", { backend, graph: {} })).rejects.toThrow(
      /expected a folder with a converted graph/,
    );
  });

  test("a graph without nodes, and a shard that is missing", async () => {
    const files = await graph();
    const only = async (change: (json: Record<string, unknown>) => void, drop = "") => {
      const json = JSON.parse(new TextDecoder().decode(await files.read("model.json"))) as Record<string, unknown>;
      change(json);
      const names = (await files.list()).filter((name) => name !== drop);
      const contents = await Promise.all(names.map(async (name) => [name, await files.read(name)] as const));
      return filesFromMemory("graph", {
        ...Object.fromEntries(contents),
        "model.json": new TextEncoder().encode(JSON.stringify(json)),
      });
    };
    const load = async (source: FileSource) => await loadModel(source, "saliency", { backend });
    const empty = only((json) => {
      json.modelTopology = {};
    });
    await expect(load(await empty)).rejects.toThrow(/expected a graph's nodes in modelTopology\.node, received null/);
    const short = only(() => {}, "group1-shard2of2.bin");
    await expect(load(await short)).rejects.toThrow(/expected the files group1-shard2of2\.bin beside it/);
    await expect(load(await short)).rejects.toBeInstanceOf(FileError);
  });
});
