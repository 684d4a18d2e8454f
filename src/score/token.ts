/** Scores of the token itself: `logit`, `probability`, `crossentropy`, `perplexity`. */

import { exp, neg } from "../tensor.ts";
import { logitOf, logProbabilityOf, probabilityOrLog } from "./distribution.ts";
import type { Score } from "./score.ts";

const plain = { contrast: "none", differentiable: true, options: [] } as const;

export const logit: Score = { ...plain, compute: logitOf, formula: "z[y]", unit: "logit" };

export const probability: Score = {
  ...plain,
  compute: (step) => probabilityOrLog(step, step.options.logprob),
  formula: "p[y]; ln p[y] with logprob",
  unit: "probability",
  options: ["logprob"],
};

export const crossentropy: Score = {
  ...plain,
  compute: (step) => neg(logProbabilityOf(step)),
  formula: "−ln p[y]",
  unit: "nat",
};

export const perplexity: Score = {
  ...plain,
  compute: (step) => exp(neg(logProbabilityOf(step))),
  formula: "e^(−ln p[y]) = 1 / p[y]",
  unit: "choices",
};
