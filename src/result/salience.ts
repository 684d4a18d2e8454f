/** Which scores stand out from the others. */

import { OptionError } from "../errors.ts";

/** How many standard deviations above the mean, and how many scores at most. */
export interface SalienceOptions {
  /** λ; null keeps all scores. */
  readonly stdThreshold: number | null;
  /** Null keeps all that are above the threshold. */
  readonly topk: number | null;
}

/**
 * mean + λ · standard deviation (of a sample: n − 1), the mean alone of a single score, 0 without λ or scores.
 * Scores have their signs, as in Inseq.
 */
export function salienceThreshold(scores: readonly number[], stdThreshold: number | null): number {
  const n = scores.length;
  if (stdThreshold === null || n === 0) return 0;
  const mean = scores.reduce((sum, score) => sum + score, 0) / n;
  if (stdThreshold === 0 || n === 1) return mean;
  const variance = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / (n - 1);
  return mean + stdThreshold * Math.sqrt(variance);
}

/**
 * Indices of the scores whose magnitude reaches the threshold, the largest first; among equals the first.
 * @param threshold by default that of these scores
 */
export function salient(
  scores: readonly number[],
  { stdThreshold, topk }: SalienceOptions,
  threshold: number = salienceThreshold(scores, stdThreshold),
): number[] {
  const magnitude = (i: number) => Math.abs(scores[i] ?? 0);
  // Rounding in the mean of equal scores must not put all of them below it.
  const least = threshold - Math.abs(threshold) * 1e-12;
  const ranked = scores.map((_, i) => i).filter((i) => magnitude(i) >= least);
  return ranked.sort((a, b) => magnitude(b) - magnitude(a)).slice(0, topk ?? ranked.length);
}

/** @throws OptionError when λ is no finite number, or `topk` no positive integer */
export function checkSalience(names: readonly [string, string], { stdThreshold, topk }: SalienceOptions): void {
  if (stdThreshold !== null && !Number.isFinite(stdThreshold)) {
    throw new OptionError(`${names[0]}: expected a finite number of standard deviations, received ${stdThreshold}`);
  }
  if (topk !== null && !(Number.isInteger(topk) && topk > 0)) {
    throw new OptionError(`${names[1]}: expected a positive whole number, received ${topk}; leave it out to keep all`);
  }
}
