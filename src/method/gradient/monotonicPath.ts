/**
 * Paths from a word to its baseline along other words (Sanyal and Ren 2021, arXiv 2108.13654), as Inseq walks them.
 *
 * The walk starts at the word w. At each step it takes, of the k nearest neighbours of where it is (words that it has seen
 * and the baseline b left out), the one that `strategy` likes best, and ends at b for good when none is left:
 *
 *   greedy     least ‖a − mono(a)‖, how far the neighbour a is from its monotonic version
 *   maxcount   most dimensions in which a lies between the current word and b
 *
 * A point of the path is the monotonic version of its word relative to the point before, v: in dimensions where the word
 * does not lie between v and b, it becomes v − (v − b) / n. So every dimension moves towards b only, which makes the path
 * a fair one to integrate along.
 */

import type { Words } from "../problem.ts";

export const walkStrategies = ["greedy", "maxcount"] as const;
export type WalkStrategy = (typeof walkStrategies)[number];

export interface Walk {
  /** n: points of the path, both ends included. */
  readonly points: number;
  /** k */
  readonly neighbours: number;
  readonly strategy: WalkStrategy;
}

/** For each token the n points from the baseline (first) to the word (last), each a vector of width D. */
export async function monotonicPaths(
  words: Words,
  baselineIds: readonly number[],
  walk: Walk,
): Promise<(readonly Float32Array[])[]> {
  const paths = await wordPaths(words, baselineIds, walk);
  const ids = [...new Set([...paths.flat(), ...baselineIds])];
  const vectors = await vectorsById(words, ids);
  return paths.map((path, s) => {
    const baseline = vectorOf(vectors, baselineIds[s]);
    const points = [vectorOf(vectors, path[0])];
    for (const id of path.slice(1)) {
      points.push(monotonic(vectorOf(vectors, id), baseline, points.at(-1) ?? baseline, walk.points));
    }
    return [...points, baseline].reverse();
  });
}

/** The words of each token's walk, n − 1 of them: all walks take their steps together. */
async function wordPaths(words: Words, baselineIds: readonly number[], walk: Walk): Promise<number[][]> {
  const paths = words.ids.map((id) => [id]);
  const walking = words.ids.map((id) => !words.isSpecial(id));
  for (let step = 1; step < walk.points - 1; step++) {
    const current = paths.map((path) => path.at(-1) ?? 0);
    const moving = current.flatMap((id, s) => (walking[s] && id !== baselineIds[s] ? [s] : []));
    const neighbours = await words.neighbours(
      moving.map((s) => current[s] ?? 0),
      walk.neighbours,
    );
    const candidates = moving.map((s, m) => {
      const seen = new Set([...(paths[s] ?? []), baselineIds[s]]);
      return (neighbours[m] ?? []).filter((id) => !seen.has(id));
    });
    const needed = [...candidates.flat(), ...current, ...baselineIds];
    const vectors = await vectorsById(words, [...new Set(needed)]);
    for (const [s, path] of paths.entries()) {
      const m = moving.indexOf(s);
      // A special token, and the baseline once it is reached, stay where they are.
      const next = m < 0 ? current[s] : best(candidates[m] ?? [], baselineIds[s] ?? 0, current[s] ?? 0, vectors, walk);
      path.push(next ?? 0);
    }
  }
  return paths;
}

/** The neighbour that the strategy likes best, the nearer of two equals; the baseline when there is none. */
function best(
  candidates: readonly number[],
  baselineId: number,
  currentId: number,
  vectors: ReadonlyMap<number, Float32Array>,
  { strategy, points }: Walk,
): number {
  const [baseline, current] = [vectorOf(vectors, baselineId), vectorOf(vectors, currentId)];
  let [chosen, least] = [baselineId, Number.POSITIVE_INFINITY];
  for (const id of candidates) {
    const anchor = vectorOf(vectors, id);
    const dislike =
      strategy === "greedy"
        ? distance(anchor, monotonic(anchor, baseline, current, points))
        : -anchor.filter((value, d) => between(value, current[d] ?? 0, baseline[d] ?? 0)).length;
    if (dislike < least) [chosen, least] = [id, dislike];
  }
  return chosen;
}

function monotonic(anchor: Float32Array, baseline: Float32Array, from: Float32Array, n: number): Float32Array {
  return anchor.map((value, d) => {
    const [v = 0, b = 0] = [from[d], baseline[d]];
    return between(value, v, b) ? value : v - (v - b) / n;
  });
}

const between = (value: number, from: number, to: number): boolean =>
  from <= to ? from <= value && value <= to : to <= value && value <= from;

function distance(a: Float32Array, b: Float32Array): number {
  return Math.sqrt(a.reduce((total, value, d) => total + (value - (b[d] ?? 0)) ** 2, 0));
}

async function vectorsById(words: Words, ids: readonly number[]): Promise<Map<number, Float32Array>> {
  const vectors = await words.vectors(ids);
  return new Map(ids.map((id, i) => [id, vectors[i] ?? new Float32Array()]));
}

function vectorOf(vectors: ReadonlyMap<number, Float32Array>, id: number | undefined): Float32Array {
  const vector = id === undefined ? undefined : vectors.get(id);
  if (vector === undefined) throw new RangeError(`a walk came to token ${id}, whose vector was not fetched`);
  return vector;
}
