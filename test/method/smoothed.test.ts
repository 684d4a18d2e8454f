/** Blurring over noise: moments of a linear method are known, and no noise changes nothing. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { attributeSequence } from "../../src/attribution/engine.ts";
import { resolveOptions } from "../../src/attribution/options.ts";
import { useBackend } from "../../src/backend/backend.ts";
import type { Problem } from "../../src/method/problem.ts";
import { smoothed } from "../../src/method/smoothed.ts";
import type { Model } from "../../src/model/model.ts";
import { Random } from "../../src/random.ts";
import { expandDims, memory, mul, scalar, tensor, tidy } from "../../src/tensor.ts";
import { closeScores } from "../support/closeScores.ts";
import { floats } from "../support/models.ts";
import { request, tinyModel, tinySequence } from "../support/tinyModels.ts";

const models: Model[] = [];
beforeAll(async () => {
  await useBackend("auto");
  models.push(tinyModel("gpt2", 3));
});
afterAll(() => {
  for (const model of models) model.dispose();
});

const sequence = tinySequence({ target: [3, 9, 4, 20, 11], start: 2, end: 5 });
const scores = async (...args: Parameters<typeof request>) => [
  ...((await attributeSequence(models[0] as Model, sequence, request(...args))).targetAttributions?.values ?? []),
];

test("without noise the mean is the method, the mean square its square, the variance zero", async () => {
  const plain = await scores("input_x_gradient");
  const none = { noiseLevel: 0, smoothingSamples: 3 };
  closeScores(await scores("input_x_gradient", { smoothing: "smoothgrad", ...none }), plain, 1e-6);
  closeScores(
    await scores("input_x_gradient", { smoothing: "squaregrad", ...none }),
    plain.map((x) => x * x),
    1e-6,
  );
  const variance = await scores("input_x_gradient", { smoothing: "vargrad", ...none });
  expect(variance.filter(Number.isFinite).every((x) => x === 0)).toBe(true);
});

test("mean square = variance + mean², seeds reproduce bit for bit, chunks do not matter", async () => {
  const noisy = { smoothingSamples: 6, noiseLevel: 0.3 };
  const [mean, meanSquare, variance] = [
    await scores("saliency", { smoothing: "smoothgrad", ...noisy, abs: false }),
    await scores("saliency", { smoothing: "squaregrad", ...noisy, abs: false }),
    await scores("saliency", { smoothing: "vargrad", ...noisy, abs: false }),
  ];
  closeScores(
    meanSquare,
    mean.map((x, i) => x * x + (variance[i] ?? Number.NaN)),
    1e-5,
  );
  expect(await scores("saliency", { smoothing: "smoothgrad", ...noisy, abs: false })).toEqual(mean);
  const other = await scores("saliency", { smoothing: "smoothgrad", ...noisy, abs: false }, { seed: 1 });
  expect(other).not.toEqual(mean);
  const cut = await scores(
    "saliency",
    { smoothing: "smoothgrad", ...noisy, abs: false },
    { limits: { memoryBudget: 1 } },
  );
  closeScores(cut, mean, 1e-5);
});

test("the deviation of the noise is the given share of each token's range", async () => {
  // A method that returns its input: one token with range 2, one with range 20.
  const input = tensor([-1, 0.5, 1, -10, 0, 10], [2, 3]);
  const problem = { inputs: [input], random: (stream = 0) => new Random(3, stream) } as unknown as Problem;
  const identity = async ({ inputs }: Problem) => ({
    attributions: tidy(() => inputs.map((x_SD) => mul(expandDims(x_SD, 0), scalar(1)))),
  });
  const before = memory().numTensors;
  const options = { smoothing: "vargrad", smoothingSamples: 4000, noiseLevel: 0.25 } as const;
  const { attributions } = await smoothed(identity, options)(problem);
  const variance = floats(attributions[0] as typeof input);
  expect(memory().numTensors).toBe(before);
  for (const [i, value] of variance.entries()) {
    const expected = (0.25 * (i < 3 ? 2 : 20)) ** 2;
    // The relative standard error of a variance of 4000 draws is 0.022.
    expect(Math.abs(value / expected - 1)).toBeLessThan(0.11);
  }
});

test("options that mean nothing are refused", () => {
  const resolve =
    (method: "saliency" | "integrated_gradients" | "discretized_integrated_gradients", options: object) => () =>
      resolveOptions(method, {}, options);
  expect(resolve("saliency", { noiseLevel: 1 })).toThrow("noiseLevel: expected smoothing beside it");
  expect(resolve("saliency", { smoothing: "smoothgrid" })).toThrow("smoothing: expected one of smoothgrad");
  expect(resolve("saliency", { smoothing: "vargrad", smoothingSamples: 0 })).toThrow("smoothingSamples: expected");
  expect(resolve("saliency", { smoothing: "vargrad", noiseLevel: -1 })).toThrow("noiseLevel: expected a number");
  expect(resolve("integrated_gradients", { smoothing: "vargrad", returnConvergenceDelta: true })).toThrow(
    "not meant to add up",
  );
  expect(resolve("discretized_integrated_gradients", { smoothing: "vargrad" })).toThrow('unknown option "smoothing"');
});
