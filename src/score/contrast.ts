/**
 * Contrastive scores: why this token rather than that one, or with this context rather than that one.
 *
 * `contrast_logits_diff` and `contrast_prob_diff` follow Yin and Neubig (2022, arXiv 2202.10419); `pcxmi` Fernandes et
 * al. (2021, arXiv 2105.03482); `in_context_pvi` Lu et al. (2023, arXiv 2310.12300). Primed letters are the contrast's.
 */

import { mul, scalar, sub } from "../tensor.ts";
import { logitOf, logProbabilityOf, probabilityOrLog } from "./distribution.ts";
import type { Score } from "./score.ts";

const contrastive = { contrast: "token", differentiable: true, options: [] } as const;

export const contrastLogits: Score = {
  ...contrastive,
  compute: ({ contrast }) => logitOf(contrast),
  formula: "z'[y']",
  unit: "logit",
};

export const contrastProb: Score = {
  ...contrastive,
  compute: ({ contrast, options }) => probabilityOrLog(contrast, options.logprob),
  formula: "p'[y']; ln p'[y'] with logprob",
  unit: "probability",
  options: ["logprob"],
};

export const contrastLogitsDiff: Score = {
  ...contrastive,
  compute: (step) => sub(logitOf(step), logitOf(step.contrast)),
  formula: "z[y] − z'[y']",
  unit: "logit",
};

export const contrastProbDiff: Score = {
  ...contrastive,
  compute: (step) =>
    sub(probabilityOrLog(step, step.options.logprob), probabilityOrLog(step.contrast, step.options.logprob)),
  formula: "p[y] − p'[y']; ln p[y] − ln p'[y'] with logprob",
  unit: "probability",
  options: ["logprob"],
};

export const pcxmi: Score = {
  ...contrastive,
  compute: (step) => mul(scalar(1 / Math.LN2), sub(logProbabilityOf(step.contrast), logProbabilityOf(step))),
  formula: "log₂ p'[y'] − log₂ p[y]",
  unit: "bit",
};

export const inContextPvi: Score = {
  ...contrastive,
  compute: (step) => sub(logProbabilityOf(step.contrast), logProbabilityOf(step)),
  formula: "ln p'[y'] − ln p[y]",
  unit: "nat",
};
