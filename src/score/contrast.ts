/**
 * Contrastive scores: why this token rather than that one, or with this context rather than that one.
 *
 * `contrast_logits_diff` and `contrast_prob_diff` follow Yin and Neubig (2022, arXiv 2202.10419); `pcxmi` Fernandes et
 * al. (2021, arXiv 2105.03482); `in_context_pvi` Lu et al. (2023, arXiv 2310.12300). Primed letters are the contrast's; of
 * several foils they stand for what `foils.ts` makes of them.
 */

import { mul, scalar, sub } from "../tensor.ts";
import { logitOf, logProbabilityOf, probabilityOrLog } from "./distribution.ts";
import { overFoils } from "./foils.ts";
import type { DescribedScore, ScoreStep } from "./score.ts";

const contrastive = { contrast: "token", differentiable: true, options: ["foilReduction"] } as const;

const foilLogit = (step: ScoreStep) => overFoils(step, logitOf);
const foilLogProbability = (step: ScoreStep) => overFoils(step, logProbabilityOf);
const foilProbability = (step: ScoreStep) => overFoils(step, (foil) => probabilityOrLog(foil, step.options.logprob));

export const contrastLogits: DescribedScore = {
  ...contrastive,
  compute: foilLogit,
  formula: "z'[y']",
  paper: "Inseq (Sarti et al. 2023, arXiv 2302.13942)",
  goodFor: "the other side of a contrast by itself",
  badFor: "the contrast: take the difference",
  unit: "logit",
};

export const contrastProb: DescribedScore = {
  ...contrastive,
  compute: foilProbability,
  formula: "p'[y']; ln p'[y'] with logprob",
  paper: "Inseq (Sarti et al. 2023, arXiv 2302.13942)",
  goodFor: "the other side of a contrast by itself",
  badFor: "the contrast: take the difference",
  unit: "probability",
  multiplies: true,
  options: ["logprob", "foilReduction"],
};

export const contrastLogitsDiff: DescribedScore = {
  ...contrastive,
  compute: (step) => sub(logitOf(step), foilLogit(step)),
  formula: "z[y] − z'[y']",
  paper: "Yin and Neubig 2022, arXiv 2202.10419",
  goodFor:
    "why this token rather than that one, without saturation; within one context it is the difference of log-probabilities",
  badFor: "how much probability is at stake",
  unit: "logit",
};

export const contrastProbDiff: DescribedScore = {
  ...contrastive,
  compute: (step) => sub(probabilityOrLog(step, step.options.logprob), foilProbability(step)),
  formula: "p[y] − p'[y']; ln p[y] − ln p'[y'] with logprob",
  paper: "Yin and Neubig 2022, arXiv 2202.10419",
  goodFor: "why this token rather than that one, in probability",
  badFor: "pairs of which one is near certain: flat there (logprob, or contrast_logits_diff, helps)",
  unit: "probability",
  options: ["logprob", "foilReduction"],
};

export const pcxmi: DescribedScore = {
  ...contrastive,
  compute: (step) => mul(scalar(1 / Math.LN2), sub(foilLogProbability(step), logProbabilityOf(step))),
  formula: "log₂ p'[y'] − log₂ p[y]",
  paper: "Fernandes et al. 2021, arXiv 2105.03482",
  goodFor: "how much a context helps or hurts a token, in bits",
  badFor: "single steps as a verdict: it is meant as a mean over many texts",
  unit: "bit",
};

export const inContextPvi: DescribedScore = {
  ...contrastive,
  compute: (step) => sub(foilLogProbability(step), logProbabilityOf(step)),
  formula: "ln p'[y'] − ln p[y]",
  paper: "Lu et al. 2023, arXiv 2310.12300",
  goodFor: "how much a context helps or hurts a token, in nats",
  badFor: "models that were not given both kinds of inputs in training: the reference is then no fair one",
  unit: "nat",
};
