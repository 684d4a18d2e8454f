/** The layers of every golden model are those of TensorFlow.js: they can be counted, saved, restored, put into a `tf.model`. */

import { beforeAll, describe, expect, test } from "vitest";
import { loadArchitecture } from "../../models/load.ts";
import { architectures as registry } from "../../models/registry.ts";
import { relativeBucket } from "../../src/layers/relativePositions.ts";
import { SinusoidalPositions } from "../../src/layers/sinusoidalPositions.ts";
import { openCheckpoint } from "../../src/model/checkpoint/openCheckpoint.ts";
import type { Model } from "../../src/model/model.ts";
import { matchWeights } from "../../src/model/weights.ts";
import { openFolder } from "../../src/platform/node.ts";
import { type Layer, type LayerConfig, type Tensor, tensor, tensorflow as tf } from "../../src/tensor.ts";
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

test("sinusoidal positions have sines in the first half and cosines in the second, also for odd widths", () => {
  const layer = new SinusoidalPositions({ name: "positions", positions: 9, width: 5 });
  const row = floats(layer.call(ids([[8]])));
  const angles = [8, 8 / 10000 ** (2 / 5), 8 / 10000 ** (4 / 5)] as const;
  const expected = [...angles.map(Math.sin), Math.cos(angles[0]), Math.cos(angles[1])];
  for (const [i, value] of expected.entries()) expect(row[i]).toBeCloseTo(value, 6);
  expect(layer.countParams()).toBe(45);
  expect(layer.trainableWeights).toEqual([]);
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
