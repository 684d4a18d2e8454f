/** How far a mean, or another statistic, of items can be trusted (Efron 1979, "Bootstrap methods: another look at the jackknife"). */

import { OptionError } from "../errors.ts";
import { Random } from "../random.ts";

/** A mean and how far it can be trusted. */
export interface Estimate {
  /** Null without any value. */
  readonly mean: number | null;
  /**
   * Standard deviation of the mean over resamples of the items, times √(n / (n − 1)): resamples of n items vary as if n were
   * all there are. Null with fewer than two values; of a handful of items it is itself uncertain by 1 / √(2 (n − 1)).
   */
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
  return { mean: average, standardError: Math.sqrt((variance * n) / (n - 1)), items: n };
}

/** A statistic of items and between which values it lies in most resamples of them. */
export interface Interval {
  /** Null where the statistic has no value, such as a correlation with something constant. */
  readonly value: number | null;
  /** Ends of the interval; null with fewer than two items, or where no resample has a value. */
  readonly low: number | null;
  readonly high: number | null;
}

/**
 * A statistic with its percentile interval: of the statistics of resamples, the share 1 − level lies outside, half of it on
 * each side. Resamples without a value are left out.
 * @param level from 0 to 1, exclusive
 */
export function bootstrapInterval<T>(
  items: readonly T[],
  statistic: (items: readonly T[]) => number | null,
  { level = 0.95, seed = 0 }: { readonly level?: number; readonly seed?: number } = {},
): Interval {
  if (!(level > 0 && level < 1)) {
    throw new OptionError(`bootstrapInterval: expected a level between 0 and 1, received ${level}`);
  }
  const value = statistic(items);
  const random = new Random(seed);
  const resampled = Array.from({ length: items.length < 2 ? 0 : RESAMPLES }, () =>
    statistic(Array.from(items, () => items[random.below(items.length)] as T)),
  );
  const sorted = resampled.filter((one) => one !== null).sort((a, b) => a - b);
  return { value, low: quantile(sorted, (1 - level) / 2), high: quantile(sorted, (1 + level) / 2) };
}

/** Of sorted values, interpolated between neighbours; null of none. */
function quantile(sorted: readonly number[], share: number): number | null {
  if (sorted.length === 0) return null;
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)] as number;
  return below + (at - Math.floor(at)) * ((sorted[Math.ceil(at)] as number) - below);
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
