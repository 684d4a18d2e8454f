/** Reducing, merging and selecting along one axis of an array of scores. */

import { ShapeError } from "../errors.ts";
import type { Scores } from "../result/attribution.ts";
import type { Span } from "../text/span.ts";

/** One number for many; the array is only valid during the call. */
export type Reducer = (values: Float32Array) => number;

/** [..., n] to [...]: the last axis reduced to one number. */
export function reduceLastAxis(scores: Scores, reduce: Reducer): Scores {
  const { outer, size } = split(scores, scores.shape.length - 1);
  const values = new Float32Array(outer);
  for (let i = 0; i < outer; i++) values[i] = reduce(scores.values.subarray(i * size, (i + 1) * size));
  return { shape: scores.shape.slice(0, -1), values };
}

/**
 * Merges the ranges `spans` of an axis into one entry each and keeps the other entries. Spans are ascending and do not
 * overlap; the parts of a span that lie beyond the axis are left out, and so is a span with nothing left.
 */
export function mergeAxis(scores: Scores, axis: number, spans: readonly Span[], reduce: Reducer): Scores {
  if (spans.length === 0) return scores;
  const { outer, size, inner } = split(scores, axis);
  const ranges = partition(spans, size);
  const values = new Float32Array(outer * ranges.length * inner);
  for (let o = 0; o < outer; o++) {
    for (const [r, { start, end, merged }] of ranges.entries()) {
      const gathered = new Float32Array(end - start);
      for (let i = 0; i < inner; i++) {
        for (let k = start; k < end; k++) gathered[k - start] = scores.values[(o * size + k) * inner + i] ?? NaN;
        values[(o * ranges.length + r) * inner + i] = merged ? reduce(gathered) : (gathered[0] ?? NaN);
      }
    }
  }
  return { shape: scores.shape.with(axis, ranges.length), values };
}

/** The entries `indices` of an axis, in that order. */
export function takeAxis(scores: Scores, axis: number, indices: readonly number[]): Scores {
  const { outer, size, inner } = split(scores, axis);
  const values = new Float32Array(outer * indices.length * inner);
  for (let o = 0; o < outer; o++) {
    for (const [position, index] of indices.entries()) {
      const start = (o * size + index) * inner;
      values.set(scores.values.subarray(start, start + inner), (o * indices.length + position) * inner);
    }
  }
  return { shape: scores.shape.with(axis, indices.length), values };
}

/** The ranges of `[0, size)` that `spans` and the entries between them make, in order. */
export function partition(
  spans: readonly Span[],
  size: number,
): { readonly start: number; readonly end: number; readonly merged: boolean }[] {
  const ranges: { start: number; end: number; merged: boolean }[] = [];
  let next = 0;
  const single = (until: number) => {
    for (; next < until; next++) ranges.push({ start: next, end: next + 1, merged: false });
  };
  for (const [start, end] of spans) {
    if (start >= size) break;
    single(start);
    next = Math.min(end, size);
    ranges.push({ start, end: next, merged: true });
  }
  single(size);
  return ranges;
}

function split(scores: Scores, axis: number): { outer: number; size: number; inner: number } {
  const size = scores.shape[axis];
  if (size === undefined) {
    throw new ShapeError(
      `aggregation: expected an axis ${axis}, received scores of shape [${scores.shape.join(", ")}]`,
    );
  }
  const product = (sizes: readonly number[]) => sizes.reduce((total, n) => total * n, 1);
  return { outer: product(scores.shape.slice(0, axis)), size, inner: product(scores.shape.slice(axis + 1)) };
}
