/**
 * Top-k and top-p filters: which tokens of a distribution are kept.
 *
 * Top-p (Holtzman et al. 2020, arXiv 1904.09751): in ascending order of probability, tokens are dropped as long as their
 * cumulative probability stays ≤ 1 − p. Top-k drops what is less likely than the k-th token; ties with it are kept.
 */

import { OptionError } from "../errors.ts";
import {
  cast,
  cumsum,
  greater,
  greaterEqual,
  less,
  logicalAnd,
  logicalOr,
  min,
  onesLike,
  range,
  reshape,
  scalar,
  slice,
  softmax,
  type Tensor,
  topk,
  where,
} from "../tensor.ts";
import type { ScoreOptions } from "./score.ts";

/** @throws OptionError when a filter option is out of its range */
export function checkFilter({ topK = 0, topP = 1, minTokensToKeep = 1 }: ScoreOptions): void {
  if (!(topP > 0 && topP <= 1)) throw new OptionError(`topP: expected a number in (0, 1], received ${topP}`);
  if (!Number.isInteger(topK) || topK < 0) throw new OptionError(`topK: expected an integer ≥ 0, received ${topK}`);
  if (!Number.isInteger(minTokensToKeep) || minTokensToKeep < 1) {
    throw new OptionError(`minTokensToKeep: expected an integer ≥ 1, received ${minTokensToKeep}`);
  }
}

/** Logits in descending order, and which of them top-p keeps: [R, V] each. */
export function nucleus(logits_RV: Tensor, topP: number, minTokensToKeep: number): { sorted: Tensor; kept: Tensor } {
  const V = logits_RV.shape[1] ?? 0;
  const sorted = topk(logits_RV, V).values;
  // Summed from the small end, so that tiny probabilities are not lost beside a large one.
  const massFromHere = cumsum(softmax(sorted, -1), 1, true);
  const first = less(reshape(range(0, V), [1, V]), cast(scalar(minTokensToKeep), "int32"));
  return { sorted, kept: logicalOr(greater(massFromHere, scalar(1 - topP)), first) };
}

/** Boolean [R, V]: the tokens that top-p and then top-k keep. */
export function keptTokens(logits_RV: Tensor, options: ScoreOptions): Tensor {
  checkFilter(options);
  const [R = 0, V = 0] = logits_RV.shape;
  const { topK = 0, topP = 1, minTokensToKeep = 1 } = options;
  let kept = cast(onesLike(logits_RV), "bool");
  if (topP < 1) {
    const { sorted, kept: inNucleus } = nucleus(logits_RV, topP, minTokensToKeep);
    const smallest_R1 = min(where(inNucleus, sorted, scalar(Number.POSITIVE_INFINITY)), 1, true);
    kept = logicalAnd(kept, greaterEqual(logits_RV, smallest_R1));
  }
  if (topK > 0) {
    const k = Math.min(Math.max(topK, minTokensToKeep), V);
    const kth_R1 = slice(topk(logits_RV, k).values, [0, k - 1], [R, 1]);
    kept = logicalAnd(kept, greaterEqual(logits_RV, kth_R1));
  }
  return kept;
}
