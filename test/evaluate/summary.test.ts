/** Means over items and how far they can be trusted. */

import { expect, it } from "vitest";
import { bootstrap, bootstrapInterval, pairedDifference } from "../../src/evaluate/bootstrap.ts";
import { correlation } from "../../src/evaluate/correlation.ts";
import type { Evaluation } from "../../src/evaluate/evaluate.ts";
import { columnsOf, compareMethods, summarize } from "../../src/evaluate/summary.ts";
import { Random } from "../../src/random.ts";

/** The deviation of a mean by its formula, s / √n with the unbiased s². */
function byFormula(values: readonly number[]): number {
  const n = values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - meanOf(values)) ** 2, 0) / (n - 1) / n);
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

it.each([2, 7, 101])("the standard error of the mean of %i values is that of the formula", (n) => {
  const random = new Random(n);
  const values = Array.from({ length: n }, () => random.normal());
  const { mean, standardError, items } = bootstrap(values, 5);
  expect(items).toBe(n);
  expect(mean).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / n, 12);
  // 1000 resamples: right to 2.2 %, four times that.
  expect(Math.abs((standardError ?? Number.NaN) / byFormula(values) - 1)).toBeLessThan(0.09);
  expect(bootstrap(values, 5)).toEqual({ mean, standardError, items });
  expect(bootstrap(values, 6).standardError).not.toBe(standardError);
});

it.each<[string, (random: Random) => number, number]>([
  ["normal", (random) => random.normal(), 0],
  ["uniform", (random) => random.uniform(), 0.5],
])("two standard errors of 25 %s values hold the true mean in 90 to 97 of 100 cases", (_, draw, truth) => {
  const random = new Random(8);
  const cases = 300;
  let held = 0;
  for (let one = 0; one < cases; one++) {
    const { mean, standardError } = bootstrap(
      Array.from({ length: 25 }, () => draw(random)),
      one,
    );
    if (Math.abs((mean ?? Number.NaN) - truth) <= 1.96 * (standardError ?? Number.NaN)) held++;
  }
  expect(held / cases).toBeGreaterThan(0.9);
  expect(held / cases).toBeLessThan(0.97);
});

it("there is no error without two values, and no mean without one", () => {
  expect(bootstrap([3])).toEqual({ mean: 3, standardError: null, items: 1 });
  expect(bootstrap([])).toEqual({ mean: null, standardError: null, items: 0 });
  expect(bootstrap([2, 2, 2]).standardError).toBe(0);
});

it("paired differences leave out items without a value, and see what the means alone do not", () => {
  const random = new Random(1);
  const items = Array.from({ length: 60 }, () => 10 * random.normal());
  const better = items.map((value) => value + 1);
  const { mean, standardError } = pairedDifference(better, items);
  expect(mean).toBeCloseTo(1, 12);
  expect(standardError).toBeLessThan(1e-12);
  expect(bootstrap(items).standardError).toBeGreaterThan(0.5);
  expect(pairedDifference([1, null, 3], [0, 0, null])).toEqual({ mean: 1, standardError: null, items: 1 });
});

it("the interval of a mean is that of the normal distribution, 1.96 standard errors to each side", () => {
  const random = new Random(3);
  const values = Array.from({ length: 101 }, () => random.normal());
  const { value, low, high } = bootstrapInterval(values, meanOf, { seed: 5 });
  expect(value).toBeCloseTo(meanOf(values), 12);
  const half = 1.96 * byFormula(values);
  // Percentiles of 1000 resamples are right to about an eighth of a standard error; four times that.
  for (const [end, expected] of [
    [low, meanOf(values) - half],
    [high, meanOf(values) + half],
  ] as const) {
    expect(Math.abs((end ?? Number.NaN) - expected)).toBeLessThan(0.25 * half);
  }
  const narrow = bootstrapInterval(values, meanOf, { seed: 5, level: 0.5 });
  expect(narrow.low).toBeGreaterThan(low ?? Number.NaN);
  expect(narrow.high).toBeLessThan(high ?? Number.NaN);
});

it("an interval takes resamples without a value out, and there is none without two items", () => {
  const pairs = [
    [0, 1],
    [1, 2],
    [2, 2.5],
  ] as const;
  const tau = (some: readonly (readonly [number, number])[]) =>
    correlation(
      some.map(([x]) => x),
      some.map(([, y]) => y),
      "kendall",
    );
  // A resample of one pair alone has no order; all others agree.
  expect(bootstrapInterval(pairs, tau)).toEqual({ value: 1, low: 1, high: 1 });
  expect(bootstrapInterval([1], meanOf)).toEqual({ value: 1, low: null, high: null });
  expect(bootstrapInterval([1, 2], () => null)).toEqual({ value: null, low: null, high: null });
  expect(() => bootstrapInterval([1, 2], meanOf, { level: 95 })).toThrow(
    "expected a level between 0 and 1, received 95",
  );
});

it("the table has the columns of the records, whatever their order, and counts items without a value out", () => {
  const record = (item: number, method: string, value: number | null): Evaluation =>
    ({ item, method, results: [{ metric: "m", removal: "zero", value, curve: null }] }) as unknown as Evaluation;
  const records = [record(1, "a", 4), record(0, "a", 2), record(1, "b", 1), record(0, "b", null)];
  expect(columnsOf(records)).toEqual([{ metric: "m", removal: "zero" }]);
  expect(summarize(records).map(({ method, mean, items }) => [method, mean, items])).toEqual([
    ["a", 3, 2],
    ["b", 1, 1],
  ]);
  const column = { metric: "m", removal: "zero" } as const;
  expect(compareMethods(records, ["a", "b"], column)).toEqual({ mean: 3, standardError: null, items: 1 });
});
