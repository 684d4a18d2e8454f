/** Theorems of perturbation methods, on games that are known: no model is involved. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Coalition,
  everyone,
  type Game,
  nobody,
  type PlayerScores,
} from "../../../src/method/perturbation/game.ts";
import { kernelShap } from "../../../src/method/perturbation/kernelShap.ts";
import { leaveOneOut } from "../../../src/method/perturbation/leaveOneOut.ts";
import { lime } from "../../../src/method/perturbation/lime.ts";
import { occlusion } from "../../../src/method/perturbation/occlusion.ts";
import { shapleySampling } from "../../../src/method/perturbation/shapleySampling.ts";
import { shapleyValues } from "../../../src/method/perturbation/shapleyValues.ts";
import { bitsOf, gameOf, lookUp, near, type Value } from "../../support/games.ts";

/** Any game at all: each coalition has a value of its own. */
const anyGame = fc.integer({ min: 1, max: 6 }).chain((players) =>
  fc.record({
    players: fc.constant(players),
    table: fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 2 ** players, maxLength: 2 ** players }),
  }),
);

const plain = (scores: PlayerScores): number[][] => scores.map((row) => [...row]);

/** Shapley values by their first definition: the mean over all orders. */
function meanOverOrders(players: number, value: Value): number[] {
  const scores = new Array<number>(players).fill(0);
  let orders = 0;
  const walk = (coalition: Coalition, gains: readonly (readonly [number, number])[]): void => {
    if (gains.length === players) {
      orders += 1;
      for (const [p, gain] of gains) scores[p] = (scores[p] ?? 0) + gain;
    }
    for (let p = 0; p < players; p++) {
      if (coalition[p] === 1) continue;
      const larger = coalition.slice();
      larger[p] = 1;
      walk(larger, [...gains, [p, value(larger) - value(coalition)]]);
    }
  };
  walk(nobody({ players }), []);
  return scores.map((total) => total / orders);
}

const shapleyEstimators = {
  shapley_values: (game: Game) => shapleyValues.run(game, {}),
  shapley_value_sampling: (game: Game) => shapleySampling.run(game, { nSamples: 3 }),
  kernel_shap: (game: Game) => kernelShap.run(game, {}),
};

describe("Shapley values", () => {
  test("tried coalition by coalition, they are the mean over all orders", async () => {
    await fc.assert(
      fc.asyncProperty(anyGame, async ({ players, table }) => {
        near(
          await shapleyValues.run(gameOf(players, [lookUp(table)]), {}),
          [meanOverOrders(players, lookUp(table))],
          1e-12,
        );
      }),
      { numRuns: 40 },
    );
  });

  test("kernel SHAP with all coalitions is exact", async () => {
    await fc.assert(
      fc.asyncProperty(anyGame, async ({ players, table }) => {
        const game = gameOf(players, [lookUp(table)]);
        near(await kernelShap.run(game, {}), plain(await shapleyValues.run(game, {})), 1e-9);
      }),
      { numRuns: 40 },
    );
  });

  test.each(Object.entries(shapleyEstimators))("%s: adds up to what everyone is worth", async (_, run) => {
    await fc.assert(
      fc.asyncProperty(anyGame, async ({ players, table }) => {
        const scores = await run(gameOf(players, [lookUp(table)]));
        const change = lookUp(table)(everyone({ players })) - lookUp(table)(nobody({ players }));
        expect(Math.abs((scores[0]?.reduce((sum, score) => sum + score, 0) ?? Number.NaN) - change)).toBeLessThan(1e-9);
      }),
      { numRuns: 30 },
    );
  });

  test.each(Object.entries(shapleyEstimators))("%s: a player that changes nothing gets 0", async (_, run) => {
    await fc.assert(
      fc.asyncProperty(anyGame, fc.nat(5), async ({ players, table }, which) => {
        const dummy = which % players;
        const value: Value = (coalition) => lookUp(table)(coalition.map((kept, p) => (p === dummy ? 0 : kept)));
        const scores = await run(gameOf(players, [value]));
        expect(Math.abs(scores[0]?.[dummy] ?? Number.NaN)).toBeLessThan(1e-9);
      }),
      { numRuns: 30 },
    );
  });

  test.each(["shapley_values", "kernel_shap"] as const)("%s: players that do the same get the same", async (id) => {
    await fc.assert(
      fc.asyncProperty(anyGame, async ({ players, table }) => {
        fc.pre(players > 1);
        const value: Value = (coalition) => {
          const sorted = coalition.slice();
          if ((sorted[0] ?? 0) > (sorted[1] ?? 0)) [sorted[0], sorted[1]] = [0, 1];
          return lookUp(table)(sorted);
        };
        const [scores] = await shapleyEstimators[id](gameOf(players, [value]));
        expect(Math.abs((scores?.[0] ?? 0) - (scores?.[1] ?? 1))).toBeLessThan(1e-9);
      }),
      { numRuns: 30 },
    );
  });

  test.each(Object.entries(shapleyEstimators))("%s: of a sum of games it is the sum", async (_, run) => {
    await fc.assert(
      fc.asyncProperty(anyGame, fc.double({ min: -2, max: 2, noNaN: true }), async ({ players, table }, factor) => {
        const first = lookUp(table);
        const second: Value = (coalition) => Math.sin(5 * bitsOf(coalition));
        const sum: Value = (coalition) => first(coalition) + factor * second(coalition);
        const [a, b, both] = await run(gameOf(players, [first, second, sum]));
        const expected = Array.from(a ?? [], (score, p) => score + factor * (b?.[p] ?? Number.NaN));
        near(both ? [both] : [], [expected], 1e-9);
      }),
      { numRuns: 30 },
    );
  });

  test("sampling orders gets near them, and nearer with more orders", async () => {
    const value: Value = (coalition) => Math.sin(3 * bitsOf(coalition)) + (coalition[2] ?? 0) * (coalition[4] ?? 0);
    const game = gameOf(7, [value], 5);
    const exact = plain(await shapleyValues.run(game, {}));
    const error = async (nSamples: number): Promise<number> => {
      const [scores] = await shapleySampling.run(game, { nSamples });
      return Math.max(...Array.from(scores ?? [], (score, p) => Math.abs(score - (exact[0]?.[p] ?? 0))));
    };
    // The deviation of one gain is about 1: 1/√n, with three times that for the worst of seven.
    expect(await error(2000)).toBeLessThan(3 / Math.sqrt(2000));
    expect(await error(2000)).toBeLessThan(await error(20));
  });

  test("kernel SHAP of some coalitions gets near them, and adds up", async () => {
    const value: Value = (coalition) => Math.sin(3 * bitsOf(coalition)) + 2 * (coalition[2] ?? 0);
    const game = gameOf(12, [value], 5);
    const exact = plain(await shapleyValues.run(game, {}));
    near(await kernelShap.run(game, { nSamples: 3000 }), exact, 0.1);
  });
});

/** Σ_p a_p z_p + c */
const anyLinearGame = fc.integer({ min: 1, max: 6 }).chain((players) =>
  fc.record({
    coefficients: fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: players, maxLength: players }),
    constant: fc.double({ min: -3, max: 3, noNaN: true }),
  }),
);

describe("a game in which every player adds its own", () => {
  test.each([
    ["occlusion", (game: Game) => occlusion.run(game, {})],
    ["leave_one_out", (game: Game) => leaveOneOut.run(game, {})],
    ["lime", (game: Game) => lime.run(game, { nSamples: 200, regularization: 0 })],
    ...Object.entries(shapleyEstimators),
  ] as const)("%s is exact", async (_, run) => {
    await fc.assert(
      fc.asyncProperty(anyLinearGame, fc.nat(1000), async ({ coefficients, constant }, seed) => {
        const value: Value = (coalition) => coefficients.reduce((sum, a, p) => sum + a * (coalition[p] ?? 0), constant);
        near(await run(gameOf(coefficients.length, [value], seed)), [coefficients], 1e-8);
      }),
      { numRuns: 25 },
    );
  });
});

describe("occlusion", () => {
  const value: Value = (coalition) => bitsOf(coalition) ** 2;

  test("signed unless it is told otherwise", async () => {
    const game = gameOf(3, [(coalition) => (coalition[0] ?? 0) - 2 * (coalition[1] ?? 0)]);
    near(await occlusion.run(game, {}), [[1, -2, 0]], 1e-12);
    near(await occlusion.run(game, { abs: true }), [[1, 2, 0]], 1e-12);
  });

  test("with windows, the mean over those that cover a player; the last one is cut short", async () => {
    // Windows {0,1}, {1,2}, {2,3}, ... of bits 1, 2, 4, 8, 16, all kept 31.
    const drop = (...removed: number[]): number => 31 ** 2 - (31 - removed.reduce((a, b) => a + b)) ** 2;
    const [a, b, c, d] = [drop(1, 2), drop(2, 4), drop(4, 8), drop(8, 16)];
    near(
      await occlusion.run(gameOf(5, [value]), { slidingWindowShapes: [2, 768] }),
      [[a, (a + b) / 2, (b + c) / 2, (c + d) / 2, d]],
      1e-12,
    );
    const wide = drop(1, 2);
    near(
      await occlusion.run(gameOf(5, [value]), { slidingWindowShapes: 2, strides: 2 }),
      [[wide, wide, drop(4, 8), drop(4, 8), drop(16)]],
      1e-12,
    );
  });

  test("windows do not reach from one input into the other", async () => {
    const game: Game = { ...gameOf(4, [value]), inputs: [1, 3] };
    const [scores] = await occlusion.run(game, { slidingWindowShapes: 5 });
    const [first, second] = [15 ** 2 - 14 ** 2, 15 ** 2 - 1];
    near(scores ? [scores] : [], [[first, second, second, second]], 1e-12);
  });

  test.each([
    [{ slidingWindowShapes: 0 }, "slidingWindowShapes: expected a positive number of players, received 0"],
    [{ strides: 2 }, "strides: expected at most the window's length 1, received 2"],
  ])("%o is refused", async (options, message) => {
    await expect(occlusion.run(gameOf(3, [value]), options)).rejects.toThrow(message);
    expect(() => occlusion.evaluations(options, { steps: 1, inputs: [3], tree: [0, 1, 2] })).toThrow(message);
  });
});

describe("what cannot be done", () => {
  const game = gameOf(20, [bitsOf]);
  test.each([
    ["shapley_values", () => shapleyValues.run(game, {}), "expected at most 16 players"],
    ["kernel_shap", () => kernelShap.run(game, { nSamples: 5 }), "nSamples: expected at least as many as players (20)"],
    [
      "shapley_value_sampling",
      () => shapleySampling.run(game, { nSamples: 0 }),
      "nSamples: expected a positive integer",
    ],
    ["lime", () => lime.run(game, { maskProb: 1 }), "maskProb: expected a probability between 0 and 1, received 1"],
    ["lime", () => lime.run(game, { regularization: -1 }), "regularization: expected a number ≥ 0, received -1"],
    ["lime", () => lime.run(game, { kernelWidth: 0 }), "kernelWidth: expected a number > 0, received 0"],
  ])("%s refuses it", async (_, run, message) => {
    await expect(run()).rejects.toThrow(message);
  });
});

test("lime's ridge regression is that of scikit-learn", async () => {
  // sklearn.linear_model.Ridge(alpha=1).fit(X, y, sample_weight=w) on these numbers, scikit-learn 1.9.1.
  const { ridge } = await import("../../../src/method/perturbation/leastSquares.ts");
  const X = [
    [1, 0, 1],
    [0, 1, 1],
    [1, 1, 0],
    [1, 1, 1],
    [0, 0, 1],
  ];
  const { coefficients, intercept } = ridge(X, [0.5, -1, 2, 0.25, 0.75], [1, 0.5, 0.25, 2, 0.75], 1);
  near([coefficients], [[0.2193430656934307, -0.2638686131386862, -0.3427007299270074]], 1e-12);
  expect(intercept).toBeCloseTo(0.6737226277372264, 12);
});
