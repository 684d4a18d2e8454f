/** Random cases for theorems about metrics, and how they are asked. */

import fc from "fast-check";
import { expect } from "vitest";
import type { MetricId, MetricOptions } from "../../../src/evaluate/registry.ts";
import type { Coalition } from "../../../src/method/perturbation/game.ts";
import { additive, type Given, measure, question } from "../../support/questions.ts";

/** A sentence, and whether it holds for the metric. */
export type Theorem = readonly [sentence: string, holds: (id: MetricId) => Promise<void>];

export const ask = async (id: MetricId, given: Given, options: MetricOptions = {}): Promise<number | null> =>
  (await measure(id, question(given), options)).value;

/** Of a case in which the metric has a meaning. */
export async function number(id: MetricId, given: Given, options: MetricOptions = {}): Promise<number> {
  const value = await ask(id, given, options);
  expect(value).not.toBe(null);
  return value ?? Number.NaN;
}

/** Equal but for rounding, or both without meaning. */
export function expectClose(value: number | null, expected: number | null): void {
  if (value === null || expected === null) expect(value).toBe(expected);
  else expect(Math.abs(value - expected)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected)));
}

export const RUNS = 40;
export function always<T>(cases: fc.Arbitrary<T>, holds: (one: T) => Promise<void>, numRuns = RUNS): Promise<void> {
  return fc.assert(fc.asyncProperty(cases, holds), { numRuns });
}

/** Multiples of 1/8, so that ties, zeros and signs survive what is done to them. */
export const eighth = fc.integer({ min: -40, max: 40 }).map((n) => n / 8);
export const scored = fc.array(fc.tuple(eighth, eighth), { minLength: 1, maxLength: 13 }).chain((pairs) =>
  fc.record({
    weights: fc.constant(pairs.map(([weight]) => weight)),
    scores: fc.constant(pairs.map(([, score]) => score)),
    evidence: fc
      .uniqueArray(fc.nat(pairs.length - 1), { minLength: 1, maxLength: pairs.length })
      .map((players) => players.sort((a, b) => a - b)),
    seed: fc.nat(99),
  }),
);
/** Different positive numbers. */
export const distinct = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 9 });
/** Few enough that all their orders can be tried. */
export const few = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 2, maxLength: 5 });
export const factor = fc.integer({ min: 1, max: 24 }).map((n) => n / 8);

/** A function that is more than a sum: players work together. */
export const entangled =
  (weights: readonly number[]) =>
  (kept: Coalition): number =>
    Math.sin(additive(weights)(kept)) + (kept[0] ?? 0) * (kept[1] ?? 0);

export function ordersOf<T>(list: readonly T[]): T[][] {
  if (list.length === 0) return [[]];
  return list.flatMap((one, i) => ordersOf(list.filter((_, j) => j !== i)).map((rest) => [one, ...rest]));
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** What each metric may ask beside the value of coalitions: explanations that are as good as any others. */
export const everything = (weights: readonly number[]): Partial<Given> => ({
  value: entangled(weights),
  nearby: [weights],
  randomized: weights,
  thinned: shrinking,
});

/** Σ (√p − √q)² that depends on all that is kept and stays in [0, 2]. */
export const shrinking: NonNullable<Given["thinned"]> = async (kept) =>
  kept.map((shares) => Float64Array.of(2 - (2 * sum([...shares])) / shares.length, (1 - (shares[0] ?? 0)) / 2));
