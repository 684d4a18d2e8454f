/** The layers of every golden model are those of TensorFlow.js: they can be counted, saved, restored, put into a `tf.model`. */

import { beforeAll, describe, expect, test } from "vitest";
import { loadArchitecture } from "../../models/load.ts";
import { architectures as registry } from "../../models/registry.ts";
import { relativeBucket } from "../../src/layers/relativePositions.ts";
import { SinusoidalPositions } from "../../src/layers/sinusoidalPositions.ts";
import { Stack } from "../../src/layers/stack.ts";
import { randomWeights } from "../../src/layers/weights.ts";
import { openCheckpoint } from "../../src/model/checkpoint/openCheckpoint.ts";
import type { Model } from "../../src/model/model.ts";
import { matchWeights } from "../../src/model/weights.ts";
import { openFolder } from "../../src/platform/node.ts";
import { type Layer, type LayerConfig, memory, type Tensor, tensor, tensorflow as tf } from "../../src/tensor.ts";
import { useCpu } from "../support/backend.ts";
import { architectures, goldenPath } from "../support/goldenResults.ts";
import { floats, ids } from "../support/models.ts";

beforeAll(useCpu);

/** What stands for a tensor while a `tf.model` is put together. */
type Symbolic = ReturnType<typeof tf.input>;

const product = (shape: readonly (number | null)[]): number => shape.reduce<number>((n, size) => n * (size ?? 1), 1);

describe.each(architectures)("%s", (architecture) => {
  let model: Model;
  /** The first block of every stack, with states to run it on: a decoder's block with cross-attention takes two. */
  let blocks: { layer: Layer; given: readonly (() => Tensor)[] }[];
  let stored: number;
  beforeAll(async () => {
    const files = await openFolder(goldenPath(architecture, "model"));
    const loaded = await loadArchitecture(files);
    model = loaded.model;
    const table = registry[loaded.rawConfig.model_type as keyof typeof registry].weightTable(loaded.config as never);
    const source = matchWeights(table, await openCheckpoint(files));
    stored = source.names.reduce((sum, name) => sum + product(source.shape(name)), 0);
    blocks = model.layers
      .filter(({ name }) => /(^|\.)blocks\.0$/.test(name))
      .map((layer) => {
        const given = layer.name.startsWith("decoder.") ? [states(5, 1), states(3, 2)] : [states(5, 1)];
        return {
          layer,
          given: given.map(
            ({ values, T }) =>
              () =>
                tensor(values, [2, T, model.facts.width]),
          ),
        };
      });
    expect(blocks.length).toBe(model.kind === "encoder-decoder" ? 2 : 1);
  });

  const run = (layer: Layer, given: readonly (() => Tensor)[]) =>
    floats(
      layer.call(
        given.map((x) => x()),
        {},
      ) as Tensor,
    );

  /** The weights do not matter here, only that all of them go along. */
  function states(T: number, seed: number): { values: Float32Array; T: number } {
    return { values: Float32Array.from({ length: 2 * T * model.facts.width }, (_, i) => Math.sin(i * 1.7 + seed)), T };
  }

  test("has all numbers of the checkpoint in the weights of its layers, each once", () => {
    const weights = model.layers.flatMap((layer) => layer.trainableWeights);
    expect(weights.reduce((sum, { shape }) => sum + product(shape), 0)).toBe(stored);
    expect(new Set(weights.map(({ name }) => name)).size).toBe(weights.length);
  });

  test("has blocks that can be saved as JSON and restored with their weights", () => {
    for (const { layer, given } of blocks) {
      const saved = JSON.parse(JSON.stringify(layer.getConfig())) as LayerConfig;
      const [Class, fromConfig] = tf.serialization.SerializationMap.getMap().classNameMap[layer.getClassName()] ?? [];
      const restored = fromConfig?.(Class as Parameters<typeof fromConfig>[0], saved) as Layer;
      expect(run(restored, given)).not.toEqual(run(layer, given));
      restored.setWeights(layer.getWeights());
      expect(run(restored, given)).toEqual(run(layer, given));
    }
  });

  test("has blocks that can be parts of a tf.model", () => {
    for (const { layer, given } of blocks) {
      const { width } = model.facts;
      const symbols = given.map(() => tf.input({ shape: [null, width] }));
      const output = layer.apply(given.length === 1 ? (symbols[0] as Symbolic) : symbols) as Symbolic;
      const wrapped = tf.model({ inputs: symbols, outputs: output });
      const tensors = given.map((x) => x());
      const predicted = wrapped.predict(given.length === 1 ? (tensors[0] as Tensor) : tensors) as Tensor;
      expect(predicted.shape).toEqual([2, 5, width]);
      expect(floats(predicted)).toEqual(run(layer, given));
    }
  });

  test("has blocks that refuse another number of inputs", () => {
    for (const { layer, given } of blocks) {
      const [x] = given as [() => Tensor];
      const wrong = given.length === 1 ? [x, x] : [x];
      expect(() => run(layer, wrong)).toThrow(/expected (one|two) input tensors?, received/);
    }
  });
});

describe("sinusoidal positions", () => {
  const of = (formula: "paper" | "tensor2tensor", width: number, first: number) =>
    new SinusoidalPositions({ name: "positions", positions: 9, width, formula, first });
  const row = (layer: SinusoidalPositions, t: number) => floats(layer.call(ids([[t]])));

  test("have sines in the first half and cosines in the second, also for odd widths", () => {
    const layer = of("paper", 5, 0);
    const angles = [8, 8 / 10000 ** (2 / 5), 8 / 10000 ** (4 / 5)] as const;
    const expected = [...angles.map(Math.sin), Math.cos(angles[0]), Math.cos(angles[1])];
    for (const [i, value] of expected.entries()) expect(row(layer, 8)[i]).toBeCloseTo(value, 6);
    expect(layer.countParams()).toBe(45);
    expect(layer.trainableWeights).toEqual([]);
  });

  test("of tensor2tensor end at a frequency of 1/10000 and leave a last odd column empty", () => {
    const angles = [10, 10 / 10000 ** (1 / 2), 10 / 10000] as const;
    const expected = [...angles.map(Math.sin), ...angles.map(Math.cos), 0];
    for (const [i, value] of expected.entries()) expect(row(of("tensor2tensor", 7, 2), 8)[i]).toBeCloseTo(value, 6);
  });
});

describe("a stack of blocks", () => {
  const options = {
    name: "stack",
    layers: 2,
    block: {
      width: 12,
      norm: { kind: "layerNorm", epsilon: 1e-5 },
      normPlace: "after",
      attention: { heads: 3, headWidth: 4, bias: true, scale: 0.5 },
      mlp: { feedForwardWidth: 14, activation: "relu" },
    },
    embeddingNorm: true,
    finalNorm: true,
  } as const;
  const learned = { kind: "learned", positions: 7, offset: 2 } as const;
  const sinusoidal = { kind: "sinusoidal", positions: 7, formula: "paper", first: 0 } as const;
  const [encoderBlock, decoderBlock] = [1, 2].map(
    (attentions) => attentions * 4 * (12 * 12 + 12) + (attentions + 1) * 24 + (12 * 14 + 14) + (14 * 12 + 12),
  ) as [number, number];

  test.each([
    ["encoder", learned, 9 * 12 + 2 * encoderBlock + 2 * 24],
    ["decoder", learned, 9 * 12 + 2 * decoderBlock + 2 * 24],
    ["encoder", sinusoidal, 7 * 12 + 2 * encoderBlock + 2 * 24],
  ] as const)("(%s, %o) counts what is inside, and lets go of it", (stack, positions, parameters) => {
    const before = memory().numTensors;
    const layer = new Stack({ ...options, stack, positions });
    expect(layer.countParams()).toBe(parameters);
    layer.dispose();
    expect(memory().numTensors).toBe(before);
  });

  test("can be saved as JSON and restored with its weights", () => {
    const weights = randomWeights(5, 0.3);
    const layer = new Stack({ ...options, stack: "encoder", positions: learned, weights });
    const x = () =>
      tensor(
        Float32Array.from({ length: 60 }, (_, i) => Math.sin(i)),
        [1, 5, 12],
      );
    const restored = new Stack({
      ...(JSON.parse(JSON.stringify(layer.getConfig())) as typeof options & {
        stack: "encoder";
        positions: typeof learned;
      }),
    });
    expect(floats(restored.call(x()))).not.toEqual(floats(layer.call(x())));
    restored.setWeights(layer.getWeights());
    expect(floats(restored.call(x()))).toEqual(floats(layer.call(x())));
  });
});

describe("relative position buckets", () => {
  const options = { buckets: 8, maxDistance: 14 };

  test("of an encoder: half of them for each direction, exact near, logarithmic far", () => {
    const bidirectional = (d: number) => relativeBucket(d, { ...options, bidirectional: true });
    // n = 4 in each direction, 2 of them exact; 2 + ⌊2 ln(d/2) / ln 7⌋ reaches 3 at d = 2 √7 = 5.3.
    expect([0, -1, -2, -5, -6, -13, -14, -500].map(bidirectional)).toEqual([0, 1, 2, 2, 3, 3, 3, 3]);
    expect([1, 2, 5, 6, 500].map(bidirectional)).toEqual([5, 6, 6, 7, 7]);
  });

  test("of a decoder: all of them for the past, none for the future", () => {
    const causal = (d: number) => relativeBucket(d, { ...options, bidirectional: false });
    // n = 8, 4 of them exact; 4 + ⌊4 ln(d/4) / ln 3.5⌋.
    expect([3, 0, -1, -3, -4, -5, -6, -9, -14, -99].map(causal)).toEqual([0, 0, 1, 3, 4, 4, 5, 6, 7, 7]);
  });
});
