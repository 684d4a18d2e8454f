/**
 * Soft erasure (Zhao and Aletras 2023, arXiv 2305.10496; for generation Zhao and Shan 2024, arXiv 2402.00794): not the
 * highest players are removed, but elements of every player's embedding, with a probability that its score gives; and the
 * whole next-token distribution is compared.
 *
 * The distance between distributions p and q has two published forms:
 *   `hellinger`  √(½ Σ (√p − √q)²), from 0 to 1: the papers
 *   `reagent`    Σ (√p − √q)² / √2, from 0 to √2, so that 1 − distance can be negative: the code of ReAGent, and what
 *                published tables were made with
 */

import { knownName } from "../names.ts";
import { checkCount, type Question } from "./metric.ts";

export const softDistances = ["hellinger", "reagent"] as const;

export interface SoftOptions {
  readonly distance?: (typeof softDistances)[number];
  /** How many times elements are drawn; the published code draws once. */
  readonly samples?: number;
}

export const softDefaults = { distance: "hellinger", samples: 10 } as const;

export function checkSoft({ distance, samples }: Required<SoftOptions>): void {
  knownName("distance", distance, softDistances);
  checkCount("samples", samples);
}

const forms = {
  hellinger: (squares: number) => Math.sqrt(squares / 2),
  reagent: (squares: number) => squares / Math.SQRT2,
} as const;

/** Streams of random numbers that nothing else draws from. */
const STREAM = 2 ** 26;

/** The distance at each step, [N], the mean over samples, when elements are kept with these probabilities [P]. */
export async function softDistance(
  question: Question,
  kept: Float64Array,
  { distance, samples }: Required<SoftOptions>,
): Promise<number[]> {
  const rows = await question.thinned(
    Array.from({ length: samples }, () => kept),
    STREAM,
  );
  const [first] = rows;
  return Array.from(first ?? [], (_, n) => {
    const distances = rows.map((row) => forms[distance](row[n] ?? Number.NaN));
    return distances.reduce((sum, one) => sum + one, 0) / samples;
  });
}

/** The distance at each step from the text with no element left, [N]. */
export async function emptyDistance(question: Question, options: Required<SoftOptions>): Promise<number[]> {
  return await softDistance(question, new Float64Array(question.players), { ...options, samples: 1 });
}

/** Scores from 0, the lowest, to 1, the highest; constant ones, which tell nothing, are ½. */
export function unitScores(scores: Float64Array): Float64Array {
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  return scores.map((score) => (high > low ? (score - low) / (high - low) : 0.5));
}

/** The mean over steps of a number that some have none of; null when none has one. */
export function overSteps(perStep: readonly (number | null)[]): number | null {
  const some = perStep.filter((value) => value !== null);
  return some.length === 0 ? null : some.reduce((sum, value) => sum + value, 0) / some.length;
}
