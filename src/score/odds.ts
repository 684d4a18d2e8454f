/** `log_odds`: how much likelier a token is than all others together. */

import { cast, equal, expandDims, logSoftmax, mul, range, reshape, scalar, sub, sum } from "../tensor.ts";
import { logitOf } from "./distribution.ts";
import type { DescribedScore } from "./score.ts";

/** Far below every logit: nothing of e^−this is left. */
const NOWHERE = 1e9;

export const logOdds: DescribedScore = {
  compute: (step) => {
    const { logits_RV, targets_R } = step;
    const V = logits_RV.shape[1] ?? 0;
    const own_RV = cast(equal(expandDims(targets_R, 1), reshape(range(0, V), [1, V])), "float32");
    // 1 − p is computed from the others' logits: from p, nothing would be left of it near 1.
    const others_RV = sub(logits_RV, mul(own_RV, scalar(NOWHERE)));
    // z − logSoftmax(z) is the log of the sum at every place: the mean over the others' places is that, too.
    const share_RV = mul(sub(scalar(1), own_RV), scalar(1 / (V - 1)));
    const rest_R = sum(mul(sub(others_RV, logSoftmax(others_RV)), share_RV), -1);
    return sub(logitOf(step), rest_R);
  },
  formula: "ln p[y] / (1 − p[y])",
  paper: "Cohen-Wang et al. 2024, arXiv 2409.00729",
  goodFor: "changes of probabilities near 0 and near 1 alike, which nearly add up over what was removed",
  badFor: "comparing tokens that the model thinks impossible: there it is the log-probability",
  unit: "nat",
  contrast: "none",
  differentiable: true,
  options: [],
};
