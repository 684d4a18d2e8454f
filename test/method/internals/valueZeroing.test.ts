/** Value zeroing is what its definition says, layer by layer and token by token, however it is cut into passes. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attributeSequence, type SequenceScores } from "../../../src/attribution/engine.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import { chosenHeads } from "../../../src/method/internals/heads.ts";
import type { ValueZeroingOptions } from "../../../src/method/internals/valueZeroing.ts";
import type { Model } from "../../../src/model/model.ts";
import type { Site, Sites } from "../../../src/model/sites.ts";
import type { Scores } from "../../../src/result/attribution.ts";
import { mul, type Tensor, tensor } from "../../../src/tensor.ts";
import { closeScores } from "../../support/closeScores.ts";
import { logits } from "../../support/models.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

const models: Record<string, Model> = {};
beforeAll(async () => {
  await useBackend("auto");
  for (const type of ["gpt2", "llama", "t5", "bart"] as const) models[type] = tinyModel(type, 5);
});
afterAll(() => {
  for (const model of Object.values(models)) model.dispose();
});

const source = [5, 9, 2, 30, 7];
const target = [0, 4, 8, 15, 6];
const [start, end] = [2, 5];

async function run(type: string, options: ValueZeroingOptions = {}, changes = {}): Promise<SequenceScores> {
  const model = models[type] as Model;
  const sequence = tinySequence(
    model.kind === "decoder-only" ? { target, start, end } : { source, target, start, end },
  );
  return await attributeSequence(model, sequence, request("value_zeroing", options, changes));
}

/** One layer at a time, one token at a time: from the clean input of the layer to its output. */
function naive(type: string, place: Pick<Site, "stack" | "attention">, heads: (layer: number) => readonly number[]) {
  const model = models[type] as Model;
  const isStack = (site: Site) => site.stack === place.stack;
  const states = (layer: number, key: number | null): Float32Array => {
    let found = new Float32Array();
    const sites: Sites = {
      wants: ({ name }) => ["value", "blockOutput"].includes(name),
      visit(site, x) {
        if (!isStack(site) || site.layer !== layer) return x;
        if (site.name === "value") return site.attention === place.attention && key !== null ? without(x, key) : x;
        const isLast = layer === 1;
        const seen = isLast && place.stack === "decoder" ? model.readout.normalize(x) : x;
        found = Float32Array.from(seen.dataSync());
        return x;
      },
    };
    const without = (value: Tensor, position: number): Tensor => {
      const [, G = 0, S = 0] = value.shape;
      const kept = Float32Array.from({ length: G * S }, (_, i) =>
        i % S === position && heads(layer).includes(Math.floor(i / S)) ? 0 : 1,
      );
      return mul(value, tensor(kept, [1, G, S, 1]));
    };
    logits(model, { targetIds: [target.slice(0, end - 1)], sourceIds: [source], sites });
    return found;
  };
  const keys = place.stack === "decoder" && place.attention === "self" ? end - 1 : source.length;
  const T = place.stack === "decoder" ? end - 1 : source.length;
  /** [T, keys] */
  return (layer: number, distance: (a: Float32Array, b: Float32Array) => number): number[][] => {
    const D = model.facts.width;
    const clean = states(layer, null);
    const zeroed = Array.from({ length: keys }, (_, key) => states(layer, key));
    return Array.from({ length: T }, (_, t) => {
      const row = zeroed.map((other, key) => {
        if (place.stack === "decoder" && place.attention === "self" && key > t) return Number.NaN;
        const d = distance(clean.subarray(t * D, (t + 1) * D), other.subarray(t * D, (t + 1) * D));
        return d < 1e-5 ? 0 : d;
      });
      const total = row.reduce((sum, d) => sum + (Number.isNaN(d) ? 0 : d), 0);
      return row.map((d) => (total > 0 ? d / total : d));
    });
  };
}

const cosine = (a: Float32Array, b: Float32Array): number => {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
  return 1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};
const euclidean = (a: Float32Array, b: Float32Array): number => Math.hypot(...a.map((value, i) => value - (b[i] ?? 0)));

/** The column of one layer, query first. */
function shares({ shape: [K = 0, G = 0, L = 0], values }: Scores, layer: number): number[][] {
  return Array.from({ length: G }, (_, g) =>
    Array.from({ length: K }, (_, key) => values[(key * G + g) * L + layer] ?? Number.NaN),
  );
}

const all = () => [0, 1, 2, 3];
const DECODER = { stack: "decoder", attention: "self" } as const;

describe.each(["gpt2", "llama"])("%s", (type) => {
  test.each([
    ["cosine", cosine],
    ["euclidean", euclidean],
  ] as const)("is one layer computed again without a token's values, %s", async (similarityMetric, distance) => {
    const { targetAttributions } = await run(type, { similarityMetric });
    const expected = naive(type, DECODER, all);
    for (const layer of [0, 1]) {
      const rows = expected(layer, distance)
        .slice(start - 1)
        .map((row) => [...row, Number.NaN]);
      closeScores(shares(targetAttributions as Scores, layer).flat(), rows.flat(), 2e-4);
    }
  });

  test("zeroes the chosen heads only, in the chosen layers only", async () => {
    const { targetAttributions } = await run(type, { decoderZeroedUnitsIndices: { 1: [-1] } });
    const lastHead = type === "gpt2" ? 2 : 1;
    const expected = naive(type, DECODER, (layer) => (layer === 1 ? [lastHead] : []))(1, cosine);
    const received = targetAttributions as Scores;
    closeScores(
      shares(received, 1).flat(),
      expected.slice(start - 1).flatMap((row) => [...row, Number.NaN]),
      2e-4,
    );
    for (const share of shares(received, 0).flat()) expect(Number.isNaN(share) || share === 0).toBe(true);
  });

  test("gives the same in passes of two rows", async () => {
    const [whole, cut] = [await run(type), await run(type, {}, { limits: { memoryBudget: 1, rows: 2 } })];
    closeScores([...(cut.targetAttributions?.values ?? [])], [...(whole.targetAttributions?.values ?? [])], 1e-5);
  });
});

describe.each(["t5", "bart"])("%s", (type) => {
  test("is the same for each of its attentions", async () => {
    const both = await run(type, {}, { attributeTarget: true });
    const alone = await run(type);
    expect(Object.keys(both.sequenceScores)).toEqual(["encoder_self_scores"]);
    expect(Object.keys(alone.sequenceScores)).toEqual(["decoder_self_scores", "encoder_self_scores"]);
    closeScores([...(both.sourceAttributions?.values ?? [])], [...(alone.sourceAttributions?.values ?? [])], 1e-6);
    const self = naive(type, DECODER, all);
    const cross = naive(type, { stack: "decoder", attention: "cross" }, all);
    for (const layer of [0, 1]) {
      closeScores(
        shares(both.sourceAttributions as Scores, layer).flat(),
        cross(layer, cosine)
          .slice(start - 1)
          .flat(),
        2e-4,
      );
      closeScores(
        shares(both.targetAttributions as Scores, layer).flat(),
        self(layer, cosine)
          .slice(start - 1)
          .flatMap((row) => [...row, Number.NaN]),
        2e-4,
      );
    }
    const encoder = naive(type, { stack: "encoder", attention: "self" }, all);
    closeScores(shares(alone.sequenceScores.encoder_self_scores as Scores, 0).flat(), encoder(0, cosine).flat(), 2e-4);
  });

  test("leaves out the maps that nobody wants", async () => {
    const options = { outputDecoderSelfScores: false, outputEncoderSelfScores: false };
    expect((await run(type, options)).sequenceScores).toEqual({});
  });
});

test("heads are chosen for all layers alike or by layer", () => {
  expect(chosenHeads("heads", [-1, 0], 1, 3)).toEqual([2, 0]);
  expect(chosenHeads("heads", { start: 1, end: 3 }, 1, 3)).toEqual([1, 2]);
  expect(chosenHeads("heads", { 1: 0 }, 1, 3)).toEqual([0]);
  expect(chosenHeads("heads", { 1: 0 }, 0, 3)).toEqual([]);
  expect(() => chosenHeads("heads", { 1: 3 }, 1, 3)).toThrow("heads of layer 1: expected indices from -3 to 2");
});

test("an unknown metric is refused", async () => {
  await expect(run("gpt2", { similarityMetric: "manhattan" as never })).rejects.toThrow(
    'similarityMetric: expected one of cosine, euclidean, received "manhattan"',
  );
});

test.each(["value_zeroing", "attention"] as const)(
  "what %s says of encoders is refused without one",
  async (method) => {
    const sequence = tinySequence({ target, start, end });
    const asked = (options: ValueZeroingOptions) =>
      attributeSequence(models.gpt2 as Model, sequence, request(method, options));
    await expect(asked({ outputDecoderSelfScores: false })).rejects.toThrow(
      "outputDecoderSelfScores: expected an encoder-decoder model, received a decoder-only one; leave it out",
    );
    await expect(asked({ outputEncoderSelfScores: true })).rejects.toThrow(
      /^outputEncoderSelfScores: expected an encoder/,
    );
  },
);

test("value heads of an encoder are refused without one, unless nothing was said of them", async () => {
  await expect(run("gpt2", { crossZeroedUnitsIndices: [0] })).rejects.toThrow(
    /^crossZeroedUnitsIndices: expected an encoder-decoder model, .* or give decoderZeroedUnitsIndices$/,
  );
  const unsaid = await run("gpt2", { encoderZeroedUnitsIndices: undefined } as object);
  expect(unsaid.targetAttributions).toEqual((await run("gpt2", {})).targetAttributions);
});
