/** `kl_divergence`: how much another context changes the whole next-token distribution. */

import { add, exp, logSoftmax, mul, scalar, sub, sum, type Tensor, where, zerosLike } from "../tensor.ts";
import { keptTokens } from "./filter.ts";
import { overFoils } from "./foils.ts";
import type { DescribedScore, ScoreOptions } from "./score.ts";

/**
 * Far below any logit, but finite: a token that is filtered out gets probability 0 in both distributions and adds
 * 0 · (ln 0 − ln 0) = 0, where −∞ would make it NaN.
 */
const DROPPED = -1e9;

export const klDivergence: DescribedScore = {
  compute: (step) => overFoils(step, ({ logits_RV }) => divergence(step.logits_RV, logits_RV, step.options)),
  formula: "Σ_v p[v] (ln p[v] − ln p'[v])",
  paper: "Kullback and Leibler 1951, 10.1214/aoms/1177729694",
  goodFor: "how much a context changes all that the model might have said",
  badFor: "which way it changes: it has no sign, and no token",
  unit: "nat",
  contrast: "context",
  differentiable: true,
  options: ["topK", "topP", "minTokensToKeep", "foilReduction"],
};

/** [R] from the logits [R, V] of both contexts. */
function divergence(p_RV: Tensor, q_RV: Tensor, options: ScoreOptions): Tensor {
  const filtered = (options.topK ?? 0) > 0 || (options.topP ?? 1) < 1;
  let [p, q] = [p_RV, q_RV];
  if (filtered) {
    // One set for both, taken from the sum of the logits, so that the divergence stays finite.
    const kept = keptTokens(add(p, q), options);
    const keep = (logits: Tensor): Tensor => where(kept, logits, add(zerosLike(logits), scalar(DROPPED)));
    [p, q] = [keep(p), keep(q)];
  }
  const logp = logSoftmax(p, -1);
  const logq = logSoftmax(q, -1);
  return sum(mul(exp(logp), sub(logp, logq)), -1);
}
