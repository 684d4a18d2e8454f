/** ContextCite and its lasso agree with scikit-learn (test/golden/make_games.py); sparse truths are found; odds are exact. */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attributeSequence } from "../../../src/attribution/engine.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import { contextCite, oddsTogether } from "../../../src/method/perturbation/contextCite.ts";
import type { Game } from "../../../src/method/perturbation/game.ts";
import { lasso } from "../../../src/method/perturbation/lasso.ts";
import { ridge } from "../../../src/method/perturbation/leastSquares.ts";
import type { Model } from "../../../src/model/model.ts";
import type { Scores } from "../../../src/result/attribution.ts";
import { findScore } from "../../../src/score/registry.ts";
import { readFloats, tensor } from "../../../src/tensor.ts";
import { gameOf, near } from "../../support/games.ts";
import { goldenPath } from "../../support/goldenResults.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

const golden = JSON.parse(readFileSync(goldenPath("games.json"), "utf8")) as {
  lasso: { X: number[][]; y: number[]; alpha: number; coefficients: number[]; intercept: number }[];
  contextCite: { masks: number[][]; odds: number[][]; scores: number[] };
};

test.each(golden.lasso)("the lasso is scikit-learn's, $alpha", ({ X, y, alpha, coefficients, intercept }) => {
  const found = lasso(X, y, alpha);
  near([found.coefficients], [coefficients], 1e-8);
  expect(found.intercept).toBeCloseTo(intercept, 8);
  // Zeros are exact, and there are some.
  expect([...found.coefficients].map((b) => b === 0)).toEqual(coefficients.map((b) => b === 0));
  expect(coefficients).toContain(0);
});

test("without a penalty it is least squares, with a large one nothing", () => {
  const { X, y } = golden.lasso[0] as (typeof golden.lasso)[number];
  const plain = ridge(X, y, new Array(y.length).fill(1), 0);
  near([lasso(X, y, 0).coefficients], [[...plain.coefficients]], 1e-8);
  expect([...lasso(X, y, 100).coefficients]).toEqual(new Array(5).fill(0));
});

test("the recipe is the authors', put together from scikit-learn's parts", async () => {
  const { masks, odds, scores } = golden.contextCite;
  const [P = 0, N = 0] = [masks[0]?.length, odds[0]?.length];
  // Coalitions are drawn in the order of players: numbers below one half remove.
  const numbers = masks.flat().map((kept) => (kept === 1 ? 0.75 : 0.25));
  const random = { uniform: () => numbers.shift() ?? Number.NaN } as ReturnType<Game["random"]>;
  const game: Game = {
    ...gameOf(
      P,
      new Array(N).fill(() => 0),
    ),
    random: () => random,
    value: async (coalitions) => coalitions.map((_, k) => Float64Array.from(odds[k] ?? [])),
  };
  const found = await contextCite.run(game, { nSamples: masks.length });
  near(found, new Array(N).fill(scores.map((score) => score / N)), 1e-7);
});

test("of many sources it finds the two that matter", async () => {
  const game = gameOf(30, [(kept) => 3 * (kept[4] ?? 0) - 2 * (kept[17] ?? 0) - 1], 2);
  const [scores] = await contextCite.run(game, {});
  const order = Array.from(scores ?? [], (score, p) => [Math.abs(score), p] as const).sort((a, b) => b[0] - a[0]);
  expect(order.slice(0, 2).map(([, p]) => p)).toEqual([4, 17]);
  // The lasso moves each by at most α K / Σ z² = 0.02 towards 0, the two together a little more.
  expect(Math.abs((scores?.[4] ?? 0) - 3)).toBeLessThan(0.1);
  expect(Math.abs((scores?.[17] ?? 0) + 2)).toBeLessThan(0.1);
});

test("odds of several tokens are those of the product of their probabilities", () => {
  const odds = (p: number): number => Math.log(p / (1 - p));
  expect(oddsTogether(Float64Array.of(odds(0.3)))).toBeCloseTo(odds(0.3), 12);
  expect(oddsTogether(Float64Array.of(odds(0.9), odds(0.6), odds(0.5)))).toBeCloseTo(odds(0.27), 12);
  // Near 1 and near 0 nothing is lost.
  expect(oddsTogether(Float64Array.of(40, 40))).toBeCloseTo(40 - Math.LN2, 8);
  expect(oddsTogether(Float64Array.of(-500, -600))).toBeCloseTo(-1100, 8);
});

describe("on models", () => {
  const models: Record<string, Model> = {};
  beforeAll(async () => {
    await useBackend("auto");
    models.gpt2 = tinyModel("gpt2", 3);
    models.t5 = tinyModel("t5", 3);
  });
  afterAll(() => {
    for (const model of Object.values(models)) model.dispose();
  });

  test("log_odds is exact near 0 and near 1", async () => {
    const logits = tensor([30, 0, 0, 0, 30, 0], [2, 3]);
    const targets_R = tensor([0, 2], [2], "int32");
    const step = { logits_RV: logits, targets_R };
    const [sure = 0, impossible = 0] = await readFloats(
      findScore("log_odds").compute({ ...step, contrast: step, foils: [step], samples: [], options: {} }),
    );
    expect(Math.abs(sure - (30 - Math.LN2))).toBeLessThan(1e-5);
    expect(Math.abs(impossible + 30)).toBeLessThan(1e-5);
  });

  const sum = (scores: Scores | null): number =>
    (scores?.values ?? new Float32Array()).reduce((total, value) => total + (Number.isNaN(value) ? 0 : value), 0);

  test("what is generated is never removed; sources are sentences", async () => {
    const tokens = ["Ġa", "Ġb.", "Ġc", "Ġd.", "Ġe", "Ġf"];
    const sequence = tinySequence({ target: [3, 9, 4, 20, 11, 6], start: 4, end: 6 });
    const named = { ...sequence, target: { ...sequence.target, tokens } };
    const { targetAttributions } = await attributeSequence(models.gpt2 as Model, named, request("context_cite"));
    const at = (token: number, g: number): number => targetAttributions?.values[token * 2 + g] ?? Number.NaN;
    for (const g of [0, 1]) {
      expect(at(0, g)).toBe(at(1, g));
      expect(at(2, g)).toBe(at(3, g));
    }
    expect(at(4, 1)).toBe(0);
    // A response has one score, shared by its tokens.
    expect(at(0, 0)).toBe(at(0, 1));
    expect(at(0, 0)).not.toBe(0);
    const each = await attributeSequence(models.gpt2 as Model, named, request("context_cite", { perToken: true }));
    expect(each.targetAttributions?.values[0]).not.toBe(each.targetAttributions?.values[1]);
  });

  test("the source of an encoder-decoder model, and with it the target's given beginning", async () => {
    const sequence = tinySequence({ source: [5, 9, 7], target: [0, 4, 8, 15], start: 2, end: 4 });
    const options = { players: "token", nSamples: 20 } as const;
    const source = await attributeSequence(models.t5 as Model, sequence, request("context_cite", options));
    expect(source.targetAttributions).toBeNull();
    expect(sum(source.sourceAttributions)).not.toBe(0);
    const asked = request("context_cite", options, { attributeTarget: true });
    const both = await attributeSequence(models.t5 as Model, sequence, asked);
    expect(sum(both.sourceAttributions)).not.toBe(0);
    // Token 1 of the target is before the first explained one, token 2 is not.
    expect(both.targetAttributions?.values[1 * 2]).not.toBe(0);
    expect(both.targetAttributions?.values[2 * 2 + 1]).toBe(0);
  });

  test.each([
    [{ maskProb: 1 }, "maskProb: expected a probability between 0 and 1, received 1"],
    [{ regularization: -1 }, "regularization: expected a number ≥ 0, received -1"],
    [{ nSamples: 0 }, "nSamples: expected a positive integer, received 0"],
  ])("%o is refused", async (options, message) => {
    await expect(contextCite.run(gameOf(3, [() => 0]), options)).rejects.toThrow(message);
  });
});
