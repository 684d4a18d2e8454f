/** The blocks of every family are TensorFlow.js layers: they can be counted, saved, restored and put into a `tf.model`. */

import { beforeAll, describe, expect, test } from "vitest";
import { Gpt2Block, architecture as gpt2 } from "../../models/gpt2.ts";
import { LlamaBlock, architecture as llama } from "../../models/llama.ts";
import { MarianDecoderBlock, MarianEncoderBlock, architecture as marian } from "../../models/marian.ts";
import { T5DecoderBlock, T5EncoderBlock, t5 } from "../../models/t5.ts";
import { relativeBucket } from "../../src/layers/relativePositions.ts";
import { SinusoidalPositions } from "../../src/layers/sinusoidalPositions.ts";
import { randomWeights } from "../../src/layers/weights.ts";
import { type Layer, type LayerConfig, type Tensor, tensor, tensorflow as tf } from "../../src/tensor.ts";
import { useCpu } from "../support/backend.ts";
import { floats, ids, smallConfigs } from "../support/models.ts";

beforeAll(useCpu);

const common = { name: "block", layer: 0, weights: randomWeights(5, 0.3) };
const configs = {
  gpt2: gpt2.readConfig(smallConfigs.gpt2),
  llama: llama.readConfig(smallConfigs.llama),
  marian: marian.readConfig(smallConfigs.marian),
  t5: t5.readConfig(smallConfigs.t5),
};

/** Counted by hand: attention, norms, feed-forward. */
const blocks: { name: string; make: () => Layer; inputs: number; parameters: number }[] = [
  {
    name: "Gpt2Block",
    make: () => new Gpt2Block({ ...common, config: configs.gpt2 }),
    inputs: 1,
    parameters: 12 * 36 + 36 + (12 * 12 + 12) + 2 * 24 + (12 * 20 + 20) + (20 * 12 + 12),
  },
  {
    name: "LlamaBlock",
    make: () => new LlamaBlock({ ...common, config: configs.llama }),
    inputs: 1,
    parameters: 12 * 24 + 24 + 2 * (12 * 12 + 12) + (24 * 12 + 12) + 2 * 12 + 3 * 12 * 14,
  },
  {
    name: "MarianEncoderBlock",
    make: () => new MarianEncoderBlock({ ...common, config: configs.marian }),
    inputs: 1,
    parameters: 4 * (12 * 12 + 12) + 2 * 24 + (12 * 14 + 14) + (14 * 12 + 12),
  },
  {
    name: "MarianDecoderBlock",
    make: () => new MarianDecoderBlock({ ...common, config: configs.marian }),
    inputs: 2,
    parameters: 8 * (12 * 12 + 12) + 3 * 24 + (12 * 10 + 10) + (10 * 12 + 12),
  },
  {
    name: "T5EncoderBlock",
    make: () => new T5EncoderBlock({ ...common, config: configs.t5 }),
    inputs: 1,
    parameters: 4 * 12 * 15 + 2 * 12 + 3 * 12 * 14,
  },
  {
    name: "T5DecoderBlock",
    make: () => new T5DecoderBlock({ ...common, config: configs.t5 }),
    inputs: 2,
    parameters: 8 * 12 * 15 + 3 * 12 + 3 * 12 * 14,
  },
];

const data = [states(5, 1), states(3, 2)];

/** What stands for a tensor while a `tf.model` is put together. */
type Symbolic = ReturnType<typeof tf.input>;

describe.each(blocks)("$name", ({ make, inputs, parameters }) => {
  const given = data.slice(0, inputs).map(
    ({ values, T }) =>
      () =>
        tensor(values, [2, T, 12]),
  );
  const run = (layer: Layer) =>
    floats(
      layer.call(
        given.map((x) => x()),
        {},
      ) as Tensor,
    );

  test("counts its parameters and those of the layers inside", () => {
    expect(make().countParams()).toBe(parameters);
  });

  test("can be saved as JSON and restored with its weights", () => {
    const layer = make();
    const saved = JSON.parse(JSON.stringify(layer.getConfig())) as LayerConfig;
    const [Class, fromConfig] = tf.serialization.SerializationMap.getMap().classNameMap[layer.getClassName()] ?? [];
    const restored = fromConfig?.(Class as Parameters<typeof fromConfig>[0], saved) as Layer;
    expect(run(restored)).not.toEqual(run(layer));
    restored.setWeights(layer.getWeights());
    expect(run(restored)).toEqual(run(layer));
  });

  test("is a part of a tf.model", () => {
    const layer = make();
    const symbols = given.map(() => tf.input({ shape: [null, 12] }));
    const output = layer.apply(inputs === 1 ? (symbols[0] as Symbolic) : symbols) as Symbolic;
    const model = tf.model({ inputs: symbols, outputs: output });
    const tensors = given.map((x) => x());
    const predicted = model.predict(inputs === 1 ? (tensors[0] as Tensor) : tensors) as Tensor;
    expect(predicted.shape).toEqual([2, 5, 12]);
    expect(floats(predicted)).toEqual(run(layer));
  });

  test("refuses another number of inputs", () => {
    const [x] = given;
    const wrong = inputs === 1 ? [x, x] : [x];
    expect(() =>
      make().call(
        wrong.map((one) => (one as () => Tensor)()),
        {},
      ),
    ).toThrow(/expected (one|two) input tensors?, received/);
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

function states(T: number, seed: number): { values: Float32Array; T: number } {
  return { values: Float32Array.from({ length: 2 * T * 12 }, (_, i) => Math.sin(i * 1.7 + seed)), T };
}
