/** `entropy`: how undecided the model is, whatever the token. */

import { exp, logSoftmax, mul, neg, sum } from "../tensor.ts";
import type { Score } from "./score.ts";

export const entropy: Score = {
  compute: ({ logits_RV }) => {
    const logp_RV = logSoftmax(logits_RV, -1);
    return neg(sum(mul(exp(logp_RV), logp_RV), -1));
  },
  formula: "−Σ_v p[v] ln p[v]",
  unit: "nat",
  contrast: "none",
  differentiable: true,
  options: [],
};
