/**
 * Reducing the width of scores where they are computed, pass by pass, so that S × G numbers are kept instead of S × G × D: a
 * thousand tokens explained by a thousand are 16 GB at a width of 4096.
 *
 * The reduced axis stays, with one entry, so that everything that can be done with scores goes on as with all of them:
 * aggregation functions of that name give what they would have given.
 *
 * Letters: N steps, S attributed tokens, D width.
 */

import type { Scores } from "../../result/attribution.ts";
import {
  abs,
  dispose,
  div,
  max,
  maximum,
  mul,
  readFloats,
  scalar,
  sqrt,
  square,
  sum,
  type Tensor,
  tidy,
} from "../../tensor.ts";

/** The smallest normal float32: what is divided by where all scores are zero. */
const SMALLEST = 2 ** -126;

const WIDTH = 2;

/** By the names that the aggregation functions have. */
const reductions = {
  /** ‖x‖ = m ‖x/m‖ with m = max |x|: squares of small gradients would be zero in float32. */
  vnorm: (scores_NSD) => {
    const largest_NS1 = max(abs(scores_NSD), WIDTH, true);
    const relative_NSD = div(scores_NSD, maximum(largest_NS1, scalar(SMALLEST)));
    return mul(largest_NS1, sqrt(sum(square(relative_NSD), WIDTH, true)));
  },
  sum: (scores_NSD) => sum(scores_NSD, WIDTH, true),
} as const satisfies Record<string, (scores_NSD: Tensor) => Tensor>;

export type WidthReduction = keyof typeof reductions;
export const widthReductions = Object.keys(reductions) as WidthReduction[];

/** Scores [N, S, D] → [N, S, 1]. */
export function reduceWidth(reduction: WidthReduction, scores_NSD: Tensor): Tensor {
  return tidy(() => reductions[reduction](scores_NSD));
}

/** Scores [N, S, D] on the host, or what their width is reduced to [N, S, 1] with its sums [N, S]. */
export async function readScores(
  scores_NSD: Tensor,
  reduction: WidthReduction | undefined,
): Promise<{ scores: Scores; sums?: Float32Array }> {
  if (reduction === undefined) return { scores: { shape: scores_NSD.shape, values: await readFloats(scores_NSD) } };
  const [N = 0, S = 0] = scores_NSD.shape;
  const read = async (by: WidthReduction): Promise<Float32Array> => {
    const reduced_NS1 = reduceWidth(by, scores_NSD);
    try {
      return await readFloats(reduced_NS1);
    } finally {
      dispose(reduced_NS1);
    }
  };
  const sums = await read("sum");
  return { scores: { shape: [N, S, 1], values: reduction === "sum" ? sums : await read(reduction) }, sums };
}
