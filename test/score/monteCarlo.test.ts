/** Scores of passes with dropout, against what is computed by hand from the same passes. */

import { beforeAll, expect, test } from "vitest";
import { useBackend } from "../../src/backend/backend.ts";
import { mcDropoutProbAvg, mcDropoutProbZscore } from "../../src/score/monteCarlo.ts";
import type { NextToken, ScoreOptions, ScoreStep } from "../../src/score/score.ts";
import { int32, tensor } from "../../src/tensor.ts";

beforeAll(async () => {
  await useBackend("cpu");
});

/** Two rows, three tokens, whose logits are the logarithms of probabilities; the token asked about is the second, then the first. */
function tokens(first: readonly number[], second: readonly number[]): NextToken {
  const logits_RV = tensor([...first, ...second].map(Math.log), [2, 3]);
  return { logits_RV, targets_R: int32([1, 0]) };
}

/** p = 0.5 and 0.3; q = 0.2, 0.4, 0.9 and 0.3, 0.1, 0.2. */
function step(options: ScoreOptions): ScoreStep {
  const clean = tokens([0.3, 0.5, 0.2], [0.3, 0.6, 0.1]);
  const samples = [
    tokens([0.7, 0.2, 0.1], [0.3, 0.3, 0.4]),
    tokens([0.5, 0.4, 0.1], [0.1, 0.8, 0.1]),
    tokens([0.05, 0.9, 0.05], [0.2, 0.1, 0.7]),
  ];
  return { ...clean, contrast: clean, foils: [clean], samples, options };
}

const q = [
  [0.2, 0.4, 0.9],
  [0.3, 0.1, 0.2],
];
const mean = (x: readonly number[]): number => x.reduce((sum, one) => sum + one, 0) / x.length;

test("the average is that of the passes", () => {
  const values = mcDropoutProbAvg.compute(step({})).dataSync();
  expect(values[0]).toBeCloseTo(0.5, 6);
  expect(values[1]).toBeCloseTo(0.2, 6);
  const logs = mcDropoutProbAvg.compute(step({ logprob: true })).dataSync();
  expect(logs[0]).toBeCloseTo(mean([0.2, 0.4, 0.9].map(Math.log)), 6);
});

test("the z-score is the distance to it in standard deviations of the sample (N − 1)", () => {
  const values = mcDropoutProbZscore.compute(step({})).dataSync();
  // Of the first row (0.5 − 0.5) / 0.36; of the second (0.3 − 0.2) / √((0.01 + 0.01 + 0) / 2) = 1.
  expect(values[0]).toBeCloseTo(0, 5);
  expect(values[1]).toBeCloseTo(1, 5);
});

test("with logprob both are of logarithms", () => {
  const values = mcDropoutProbZscore.compute(step({ logprob: true })).dataSync();
  for (const [r, p] of [0.5, 0.3].entries()) {
    const logs = (q[r] ?? []).map(Math.log);
    const deviation = Math.sqrt(logs.reduce((sum, x) => sum + (x - mean(logs)) ** 2, 0) / 2);
    expect(values[r]).toBeCloseTo((Math.log(p) - mean(logs)) / deviation, 4);
  }
});
