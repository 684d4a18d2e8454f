import { describe, expect, test } from "vitest";
import { drawToken } from "../src/model/generation/sample.ts";
import { Random } from "../src/random.ts";

describe("random numbers", () => {
  test("are those of the reference implementation of xoshiro128**", () => {
    const random = Random.fromState([1, 2, 3, 4]);
    // From the authors' C code, with this state.
    const expected = [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849];
    expect(expected.map(() => random.nextUint32())).toEqual(expected);
  });

  test("repeat for the same seed and differ between seeds and streams", () => {
    const first = (seed: number, stream?: number) =>
      Array.from(
        { length: 4 },
        (
          (r) => () =>
            r.uniform()
        )(new Random(seed, stream)),
      );
    expect(first(7, 2)).toEqual(first(7, 2));
    const streams = [0, 1, 2, 2 ** 32, 2 ** 53 - 1].flatMap((seed) =>
      [0, 1, 2].map((stream) => first(seed, stream).join()),
    );
    expect(new Set(streams).size).toBe(streams.length);
  });

  test("are uniform in [0, 1): χ² over 64 bins", () => {
    const random = new Random(3);
    const bins = new Array<number>(64).fill(0);
    const draws = 64_000;
    for (let i = 0; i < draws; i++) {
      const bin = Math.floor(random.uniform() * bins.length);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    // 99.9% quantile of χ² with 63 degrees of freedom; the seed is fixed, so the test does not depend on luck.
    expect(
      chiSquare(
        bins,
        bins.map(() => draws / bins.length),
      ),
    ).toBeLessThan(103.4);
  });

  test("have the Gumbel distribution's mean and variance", () => {
    const random = new Random(4);
    const draws = Array.from({ length: 40_000 }, () => random.gumbel());
    const mean = draws.reduce((a, b) => a + b) / draws.length;
    const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length;
    // Euler's constant and π²/6; the standard errors are 0.0064 and 0.017.
    expect(Math.abs(mean - 0.5772)).toBeLessThan(0.026);
    expect(Math.abs(variance - Math.PI ** 2 / 6)).toBeLessThan(0.07);
  });
});

describe("normal draws and integers", () => {
  test("have the normal distribution's mean, variance and fourth moment", () => {
    const random = new Random(9);
    const draws = Array.from({ length: 40_000 }, () => random.normal());
    const moment = (power: number) => draws.reduce((sum, x) => sum + x ** power, 0) / draws.length;
    // Standard errors 0.005, 0.007 and 0.049; five of each.
    expect(Math.abs(moment(1))).toBeLessThan(0.025);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.035);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.25);
  });

  test("are uniform below a bound: χ² over seven values", () => {
    const random = new Random(13);
    const counts = Array.from({ length: 7 }, () => 0);
    for (let i = 0; i < 7000; i++) {
      const drawn = random.below(7);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    // 99.9% quantile of χ² with 6 degrees of freedom.
    expect(
      chiSquare(
        counts,
        counts.map(() => 1000),
      ),
    ).toBeLessThan(22.5);
  });
});

describe("drawing a token", () => {
  test("follows softmax: χ² over the tokens, and never takes a forbidden one", () => {
    const scores = Float32Array.from([0.5, -1, Number.NEGATIVE_INFINITY, 2, 1.5, -2, 0]);
    const weights = [...scores].map(Math.exp);
    const total = weights.reduce((a, b) => a + b);
    const random = new Random(11);
    const draws = 30_000;
    const counts = weights.map(() => 0);
    for (let i = 0; i < draws; i++) {
      const id = drawToken(scores, random);
      counts[id] = (counts[id] ?? 0) + 1;
    }
    expect(counts[2]).toBe(0);
    const possible = [0, 1, 3, 4, 5, 6];
    const expected = possible.map((id) => ((weights[id] ?? 0) / total) * draws);
    // 99.9% quantile of χ² with 5 degrees of freedom.
    expect(
      chiSquare(
        possible.map((id) => counts[id] ?? 0),
        expected,
      ),
    ).toBeLessThan(20.5);
  });

  test("says so when everything is forbidden", () => {
    const nothing = new Float32Array(3).fill(Number.NEGATIVE_INFINITY);
    expect(() => drawToken(nothing, new Random(0))).toThrow("forbid all of them");
  });
});

function chiSquare(counts: readonly number[], expected: readonly number[]): number {
  return counts.reduce((sum, count, i) => sum + (count - (expected[i] ?? 0)) ** 2 / (expected[i] ?? 0), 0);
}
