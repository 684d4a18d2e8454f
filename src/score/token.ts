/** Scores of the token itself: `logit`, `probability`, `crossentropy`, `perplexity`, `perplexity_base2`. */

import { exp, mul, neg, scalar } from "../tensor.ts";
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
  multiplies: true,
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
  multiplies: true,
};

/** What Inseq 0.7.1 calls perplexity: 2 to a loss in nats, which is p[y]^(−ln 2). */
export const perplexityBase2: DescribedScore = {
  ...plain,
  compute: (step) => exp(mul(neg(logProbabilityOf(step)), scalar(Math.LN2))),
  formula: "2^(−ln p[y])",
  paper: "Inseq (Sarti et al. 2023, arXiv 2302.13942)",
  goodFor: "reproducing what Inseq 0.7.1 reports as perplexity",
  badFor: "anything else: its base is not that of its logarithm",
  unit: "score",
  multiplies: true,
};
