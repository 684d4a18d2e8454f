/** Models whose matrices are stored in fewer bits: they compute what the rounded weights say, and results name them. */

import { beforeAll, describe, expect, test } from "vitest";
import { loadArchitecture } from "../../models/load.ts";
import { OptionError } from "../../src/errors.ts";
import { type LoadOptions, loadModel } from "../../src/loadModel.ts";
import type { Model } from "../../src/model/model.ts";
import { type CompactFormat, compactFormats, decodeMatrix, encodeMatrix } from "../../src/ops/compactMatrix.ts";
import { type Layer, type LayerConfig, memory, tensor, tensorflow as tf, tidy } from "../../src/tensor.ts";
import { useCpu } from "../support/backend.ts";
import { goldenPath } from "../support/goldenResults.ts";
import { floats, logits, relativeDifference } from "../support/models.ts";
import { embeddingGradients, variantModel, variants } from "../support/variants.ts";

beforeAll(useCpu);

/** One of each kind of linear layer's use: fused projections, gates, experts, cross-attention. */
const tested = ["gpt2", "llama", "mixtral", "marian", "t5"].map((name) => {
  const variant = variants.find(({ title }) => title.startsWith(`${name}: `));
  if (variant === undefined) throw new Error(`test/golden/variants has no ${name}`);
  return variant;
});

/** The same products, of whole numbers times scales or of floats: sums of the same terms. */
const TOLERANCE = 1e-6;

describe.each(compactFormats)("%s", (format) => {
  test.each(tested)("$title computes with the rounded matrices, forwards and backwards", async (variant) => {
    const { inputIds, decoderInputIds: target } = variant;
    const tensors = memory().numTensors;
    const compact = (await loadArchitecture(variant.files, format)).model;
    const whole = await variantModel(variant);
    expect(roundKernels(whole, format)).toBeGreaterThan(3);
    const pass = { targetIds: [target ?? inputIds], sourceIds: [inputIds] };
    expect(relativeDifference(logits(compact, pass), logits(whole, pass))).toBeLessThan(TOLERANCE);
    const gradients = (model: Model) => tidy(() => embeddingGradients(model, inputIds, target)).map(floats);
    const expected = gradients(whole);
    for (const [i, gradient] of gradients(compact).entries())
      expect(relativeDifference(gradient, expected[i] ?? new Float32Array())).toBeLessThan(TOLERANCE);
    compact.dispose();
    whole.dispose();
    expect(memory().numTensors).toBe(tensors);
  });
});

test.each(tested)(
  "blocks of $title that were saved as JSON come back with their matrices stored as they were",
  async (variant) => {
    const { model } = await loadArchitecture(variant.files, "int4");
    const layers = model.layers.filter(({ name }) => /(^|\.)blocks\.0$/.test(name));
    expect(layers.length).toBeGreaterThan(0);
    for (const layer of layers) {
      const saved = JSON.parse(JSON.stringify(layer.getConfig())) as LayerConfig;
      const [Class, fromConfig] = tf.serialization.SerializationMap.getMap().classNameMap[layer.getClassName()] ?? [];
      const restored = fromConfig?.(Class as Parameters<typeof fromConfig>[0], saved) as Layer;
      const described = (of: Layer) => of.getWeights().map(({ shape, dtype }) => ({ shape, dtype }));
      expect(described(restored)).toEqual(described(layer));
      expect(described(restored).some(({ dtype }) => dtype === "int32")).toBe(true);
      restored.setWeights(layer.getWeights());
      const numbers = (of: Layer) => of.getWeights().map((weight) => [...weight.dataSync()]);
      expect(numbers(restored)).toEqual(numbers(layer));
      expect(restored.getConfig()).toEqual(layer.getConfig());
      restored.dispose();
    }
    model.dispose();
  },
);

/** Rounds the matrices of a model's linear layers, and counts them. */
function roundKernels(model: Model, format: CompactFormat): number {
  const kernels = model.layers
    .flatMap((layer) => layer.trainableWeights)
    .filter(({ name }) => /\.kernel(_\d+)?$/.test(name) && !/^head\.|\.(router|sharedGate)\./.test(name));
  for (const kernel of kernels) {
    const [I = 0, O = 0] = kernel.shape as number[];
    const { words, scales } = encodeMatrix(format, kernel.read().dataSync() as Float32Array, I, O);
    tidy(() => kernel.write(tensor(decodeMatrix(format, words, scales, I, O), [I, O])));
  }
  return kernels.length;
}

describe("loadModel", () => {
  const folder = goldenPath("gpt2", "model");
  const load = (options: LoadOptions) => loadModel(folder, "integrated_gradients", { backend: "cpu", ...options });
  const generationArgs = { max_new_tokens: 3 };

  test.each([
    [{}, "float32"],
    [{ dtype: "float32" }, "float32"],
    [{ dtype: "bfloat16" }, "bfloat16"],
    [{ quantize: "int8" }, "int8"],
    [{ quantize: "int4" }, "int4"],
  ] as const)("%j says in its result that weights are %s", async (options, weights) => {
    const model = await load(options);
    const { info, sequenceAttributions } = await model.attribute("One day", null, { generationArgs });
    expect((info.inseq_tfjs as Record<string, unknown>).weights).toBe(weights);
    expect(sequenceAttributions[0]?.targetAttributions?.values.some((value) => value !== 0)).toBe(true);
    model.dispose();
  });

  test("refuses what it does not know", async () => {
    const refused = (options: object) => expect(load(options)).rejects;
    await refused({ quantize: "int5" }).toThrow(
      new OptionError('unknown quantization "int5"; did you mean "int8"? (known: int8, int4)'),
    );
    await refused({ dtype: "float16" }).toThrow(/unknown dtype "float16"; did you mean "bfloat16"/);
    await refused({ quantize: "int8", dtype: "bfloat16" }).toThrow(/expected no dtype beside it, received "bfloat16"/);
  });
});
