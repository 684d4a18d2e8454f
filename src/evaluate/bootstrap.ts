/** How far a mean over items can be trusted (Efron 1979, "Bootstrap methods: another look at the jackknife"). */

import { Random } from "../random.ts";

/** A mean and how far it can be trusted. */
export interface Estimate {
  /** Null without any value. */
  readonly mean: number | null;
  /** Standard deviation of the mean over resamples of the items; null with fewer than two values. */
  readonly standardError: number | null;
  /** How many values there are. */
  readonly items: number;
}

/** Resamples; with them the standard error is itself right to about 1 / √(2 · 1000), two percent. */
const RESAMPLES = 1000;

/** The mean of values and its standard error, by drawing the items with replacement. */
export function bootstrap(values: readonly number[], seed = 0): Estimate {
  const n = values.length;
  if (n === 0) return { mean: null, standardError: null, items: 0 };
  const average = mean(values);
  if (n === 1) return { mean: average, standardError: null, items: 1 };
  const random = new Random(seed);
  const means = Array.from({ length: RESAMPLES }, () => {
    let total = 0;
    for (let i = 0; i < n; i++) total += values[random.below(n)] ?? 0;
    return total / n;
  });
  const center = mean(means);
  const variance = means.reduce((sum, one) => sum + (one - center) ** 2, 0) / (RESAMPLES - 1);
  return { mean: average, standardError: Math.sqrt(variance), items: n };
}

/** The mean of the differences a − b over the items that have both, and its standard error: null where either has no value. */
export function pairedDifference(a: readonly (number | null)[], b: readonly (number | null)[], seed = 0): Estimate {
  const differences = a.flatMap((value, i) => {
    const other = b[i];
    return value === null || other === null || other === undefined ? [] : [value - other];
  });
  return bootstrap(differences, seed);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
