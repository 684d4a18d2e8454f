/** The pieces that scores are made of: logit, probability and log-probability of one token per row. */

import { select } from "../ops/select.ts";
import { logSoftmax, softmax, type Tensor } from "../tensor.ts";
import type { NextToken } from "./score.ts";

/** z[y], [R] */
export const logitOf = ({ logits_RV, targets_R }: NextToken): Tensor => select(logits_RV, targets_R);

/** p[y] with p = softmax(z), [R] */
const probabilityOf = ({ logits_RV, targets_R }: NextToken): Tensor => select(softmax(logits_RV, -1), targets_R);

/** ln p[y], [R] */
export const logProbabilityOf = ({ logits_RV, targets_R }: NextToken): Tensor =>
  select(logSoftmax(logits_RV, -1), targets_R);

/** p[y], or ln p[y] when `logprob` is set. */
export const probabilityOrLog = (token: NextToken, logprob: boolean | undefined): Tensor =>
  logprob ? logProbabilityOf(token) : probabilityOf(token);
