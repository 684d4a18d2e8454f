/** Scores of the token itself: `logit`, `probability`, `crossentropy`, `perplexity`. */

import { exp, neg } from "../tensor.ts";
import { logitOf, logProbabilityOf, probabilityOrLog } from "./distribution.ts";
import type { DescribedScore } from "./score.ts";

const plain = { contrast: "none", differentiable: true, options: [] } as const;

export const logit: DescribedScore = {
  ...plain,
  compute: logitOf,
  formula: "z[y]",
  paper: "Inseq (Sarti et al. 2023, arXiv 2302.13942)",
  goodFor: "attributing without the pull of the softmax: what speaks for this token alone",
  badFor: "comparing steps or models: logits have no common zero",
  unit: "logit",
};

export const probability: DescribedScore = {
  ...plain,
  compute: (step) => probabilityOrLog(step, step.options.logprob),
  formula: "p[y]; ln p[y] with logprob",
  paper: "Inseq (Sarti et al. 2023, arXiv 2302.13942)",
  goodFor: "what made the token likely; the default",
  badFor: "tokens the model is sure of: near 1 it is flat, and gradients vanish (logprob, or a contrast, helps)",
  unit: "probability",
  options: ["logprob"],
};

export const crossentropy: DescribedScore = {
  ...plain,
  compute: (step) => neg(logProbabilityOf(step)),
  formula: "−ln p[y]",
  paper: "Shannon 1948, A Mathematical Theory of Communication",
  goodFor: "surprise in nats, which adds up over tokens",
  badFor: "why this token rather than another: use a contrast",
  unit: "nat",
};

export const perplexity: DescribedScore = {
  ...plain,
  compute: (step) => exp(neg(logProbabilityOf(step))),
  formula: "e^(−ln p[y]) = 1 / p[y]",
  paper: "Jelinek et al. 1977, Perplexity, a measure of the difficulty of speech recognition tasks",
  goodFor: "how many equally likely tokens the surprise amounts to",
  badFor: "unlikely tokens as attributed function: it grows without bound, and so do its gradients",
  unit: "choices",
};
