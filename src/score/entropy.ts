/** `entropy`: how undecided the model is, whatever the token. */

import { exp, logSoftmax, mul, neg, sum } from "../tensor.ts";
import type { DescribedScore } from "./score.ts";

export const entropy: DescribedScore = {
  compute: ({ logits_RV }) => {
    const logp_RV = logSoftmax(logits_RV, -1);
    return neg(sum(mul(exp(logp_RV), logp_RV), -1));
  },
  formula: "−Σ_v p[v] ln p[v]",
  paper: "Shannon 1948, A Mathematical Theory of Communication",
  goodFor: "what makes the model undecided, whatever it writes",
  badFor: "why it wrote this token: the token plays no part",
  unit: "nat",
  contrast: "none",
  differentiable: true,
  options: [],
};
