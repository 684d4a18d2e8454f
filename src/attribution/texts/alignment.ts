/**
 * Which tokens of two texts belong together, by the similarity of the model's own states: SimAlign (Jalili Sabet et al. 2020,
 * arXiv 2004.08728) without a model of its own.
 *
 * Similarity is the cosine of centred states, times 1 − κ (i/n − j/m)², which prefers places that are as far into their texts.
 * Two tokens belong together when each is the other's most similar one (Argmax); then, once more, among what is left, and
 * tokens whose counterpart is taken count half (Itermax).
 *
 * Letters: I and J tokens of the two texts, D width.
 */

import type { Alignment } from "./contrast.ts";

const DISTORTION = 0.5;
const ROUNDS = 2;
const ALIGNED_ALREADY = 0.5;

/** States of the tokens of a text, one vector for each. */
export type TokenStates = readonly Float32Array[];

/** Pairs (i, j), ascending. */
export function alignStates(first: TokenStates, second: TokenStates): Alignment {
  const similarity = similarities(first, second);
  const pairs: [number, number][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const rows = new Set(pairs.map(([i]) => i));
    const columns = new Set(pairs.map(([, j]) => j));
    const weighed = similarity.map((row, i) =>
      row.map((value, j) => {
        if (rows.has(i) && columns.has(j)) return 0;
        return rows.has(i) || columns.has(j) ? value * ALIGNED_ALREADY : value;
      }),
    );
    pairs.push(...mutual(weighed));
  }
  return pairs.sort(([a, b], [c, d]) => a - c || b - d);
}

/** Pairs of which each is the other's most similar one. */
function mutual(similarity: readonly (readonly number[])[]): [number, number][] {
  const bestOfColumn = (similarity[0] ?? []).map((_, j) => indexOfLargest(similarity.map((row) => row[j] ?? 0)));
  return similarity.flatMap((row, i): [number, number][] => {
    const j = indexOfLargest(row);
    return bestOfColumn[j] === i && (row[j] ?? 0) > 0 ? [[i, j]] : [];
  });
}

function indexOfLargest(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > (values[best] ?? Number.NaN) ? i : best), 0);
}

/** [I][J], at least 0. */
function similarities(first: TokenStates, second: TokenStates): number[][] {
  const [a, b] = centred(first, second);
  return a.map((x, i) =>
    b.map((y, j) => {
      const apart = i / Math.max(1, a.length - 1) - j / Math.max(1, b.length - 1);
      return Math.max(0, dot(x, y)) * (1 - DISTORTION * apart ** 2);
    }),
  );
}

/** Less the mean of all states, which all have in common; of length 1. */
function centred(first: TokenStates, second: TokenStates): [Float64Array[], Float64Array[]] {
  const all = [...first, ...second];
  const mean = Float64Array.from(all[0] ?? [], (_, d) => all.reduce((sum, x) => sum + (x[d] ?? 0), 0) / all.length);
  const unit = (state: Float32Array): Float64Array => {
    const x = Float64Array.from(state, (value, d) => value - (mean[d] ?? 0));
    const norm = Math.sqrt(dot(x, x)) || 1;
    return x.map((value) => value / norm);
  };
  return [first.map(unit), second.map(unit)];
}

function dot(x: Float64Array, y: Float64Array): number {
  return x.reduce((sum, value, d) => sum + value * (y[d] ?? 0), 0);
}
