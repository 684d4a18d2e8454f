/** What stands for "no information": which tokens are replaced, and by what. */

import { expect, test } from "vitest";
import { embedEntries } from "../../../src/attribution/runner/embedEntries.ts";
import { type BaselineChoice, type BaselineTokens, baselineEntries } from "../../../src/attribution/texts/baseline.ts";
import { loadModel } from "../../../src/loadModel.ts";
import { Random } from "../../../src/random.ts";
import { expandDims, gather, mul, scalar, squeeze, tensor } from "../../../src/tensor.ts";
import { describeOnBackends } from "../../support/backends.ts";
import { goldenPath } from "../../support/goldenResults.ts";
import { floats } from "../../support/models.ts";

const tokens: BaselineTokens = {
  unk: 1,
  pad: 2,
  mask: null,
  eos: [3, 4],
  special: new Set([0, 1, 2, 3, 4]),
  vocabSize: 30,
};
const ids = [0, 10, 11, 12, 3];
const entries = (choice: BaselineChoice, changes: Partial<BaselineTokens> = {}, includeEos = false, seed = 0) =>
  baselineEntries(choice, ids, {
    tokens: { ...tokens, ...changes },
    includeEos,
    encode: (text) => [...text].map(Number),
    random: new Random(seed),
  });

test("Inseq's rule: UNK, else PAD, else EOS, everywhere but at EOS", () => {
  expect(entries("inseq")).toEqual([1, 1, 1, 1, 3]);
  expect(entries("inseq", { unk: null })).toEqual([2, 2, 2, 2, 3]);
  expect(entries("inseq", { unk: null, pad: null })).toEqual([3, 3, 3, 3, 3]);
  expect(entries("inseq", {}, true)).toEqual([1, 1, 1, 1, 1]);
  expect(() => entries("inseq", { unk: null, pad: null, eos: [] })).toThrow("found none");
});

test("a token, zeros, the mean, and a token id take its place", () => {
  expect(entries("pad")).toEqual([2, 2, 2, 2, 3]);
  expect(entries("zero")).toEqual(["zero", "zero", "zero", "zero", 3]);
  expect(entries("mean", {}, true)).toEqual(["mean", "mean", "mean", "mean", "mean"]);
  expect(entries(17)).toEqual([17, 17, 17, 17, 3]);
  expect(() => entries("mask")).toThrow('this one has unk, pad; take "zero", "mean" or a token id');
  expect(() => entries(30)).toThrow("expected a token id from 0 to 29, received 30");
});

test("a text takes the places of the ordinary tokens; what is missing follows Inseq's rule, what is over is cut", () => {
  expect(entries({ text: "789" })).toEqual([0, 7, 8, 9, 3]);
  expect(entries({ text: "7" })).toEqual([0, 7, 1, 1, 3]);
  expect(entries({ text: "78965" })).toEqual([0, 7, 8, 9, 3]);
});

test("drawn tokens are ordinary ones, the same for the same seed", () => {
  const many = Array.from({ length: 20 }, (_, seed) => entries("random", {}, true, seed));
  expect(many.flat().every((id) => typeof id === "number" && id >= 5 && id < 30)).toBe(true);
  expect(many[3]).toEqual(entries("random", {}, true, 3));
  expect(new Set(many.map(String)).size).toBe(20);
});

describeOnBackends("embeddings of a baseline", () => {
  const table = tensor([1, 2, 3, 4, 5, 9], [3, 2]);
  const lookup = {
    vocabSize: 3,
    embed: (ids_1S: Parameters<typeof gather>[1]) => mul(expandDims(gather(table, squeeze(ids_1S, [0])), 0), scalar(2)),
  };

  test("are those of ids, zeros, and the mean of the scaled table", () => {
    const x = embedEntries(lookup, [2, "zero", "mean", 0]);
    expect([...floats(x)]).toEqual([10, 18, 0, 0, 6, 10, 2, 4]);
  });
});

test("attribute: several baselines are averaged, and the result says which they were", async () => {
  const model = await loadModel(goldenPath("gpt2", "model"), "integrated_gradients", { nSteps: 3 });
  const run = async (baseline: BaselineChoice | BaselineChoice[]) => {
    const output = await model.attribute("Hello world", "Hello world and all", {
      baseline,
      returnConvergenceDelta: true,
    });
    const [sequence] = output.sequenceAttributions;
    const deltas = [...(sequence?.stepScores.deltas?.values ?? [])];
    return { info: output.info, numbers: [...(sequence?.targetAttributions?.values ?? []), ...deltas] };
  };
  const [zero, text, both] = [await run("zero"), await run({ text: "word" }), await run(["zero", { text: "word" }])];
  expect(zero.numbers).not.toEqual(text.numbers);
  for (const [i, value] of both.numbers.entries()) {
    const mean = ((zero.numbers[i] ?? 0) + (text.numbers[i] ?? 0)) / 2;
    if (Number.isNaN(value)) expect(mean).toBeNaN();
    else expect(Math.abs(value - mean)).toBeLessThan(1e-6);
  }
  expect(both.info.attribution_args).toMatchObject({ baseline: ["zero", { text: "word" }] });
  model.dispose();
});

test("attribute refuses a baseline that means nothing, before any work", async () => {
  const model = await loadModel(goldenPath("gpt2", "model"));
  const attribute = (options: object) => model.attribute("Hello", "Hello world", options);
  const ig = { method: "integrated_gradients" };
  await expect(attribute({ baseline: "zero" })).rejects.toThrow('unknown option "baseline"');
  await expect(attribute({ ...ig, baseline: "zeros" })).rejects.toThrow('did you mean "zero"?');
  await expect(attribute({ ...ig, baseline: [] })).rejects.toThrow("expected at least one");
  await expect(attribute({ ...ig, baseline: [null] })).rejects.toThrow("received null");
  await expect(attribute({ ...ig, seed: 1 })).rejects.toThrow('unknown option "seed"');
  await expect(attribute({ ...ig, baseline: "random", seed: -1 })).rejects.toThrow("seed: expected an integer");
  model.dispose();
});
