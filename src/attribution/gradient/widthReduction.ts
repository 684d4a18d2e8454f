/**
 * Reducing the width of scores where they are computed, pass by pass, so that S × G numbers are kept instead of S × G × D: a
 * thousand tokens explained by a thousand are 16 GB at a width of 4096.
 *
 * The reduced axis stays, with one entry, so that everything that can be done with scores goes on as with all of them:
 * aggregation functions of that name give what they would have given.
 *
 * Letters: N steps, S attributed tokens, D width.
 */

import { abs, div, max, maximum, mul, scalar, sqrt, square, sum, type Tensor, tidy } from "../../tensor.ts";

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
