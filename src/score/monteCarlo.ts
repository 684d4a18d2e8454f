/**
 * Uncertainty by dropout: the model is run several times as in training, with dropout, and the token's probabilities q_1 ...
 * q_n are compared (Monte Carlo dropout: Gal and Ghahramani 2016, arXiv 1506.02142; of translations: Fomicheva et al. 2020,
 * arXiv 2005.10608).
 *
 * `mc_dropout_prob_avg` is their mean. What Inseq 0.7.1 computes under that name is `mc_dropout_prob_zscore`.
 */

import { OptionError } from "../errors.ts";
import { div, mean, mul, scalar, sqrt, square, stack, sub, sum, type Tensor } from "../tensor.ts";
import { probabilityOrLog } from "./distribution.ts";
import type { DescribedScore, ScoreOptions, ScoreStep } from "./score.ts";

const ofSamples = {
  contrast: "none",
  differentiable: false,
  samples: true,
  options: ["nMcdSteps", "mcdRate", "logprob"],
  paper: "Gal and Ghahramani 2016, arXiv 1506.02142; Fomicheva et al. 2020, arXiv 2005.10608",
} as const;

export const mcDropoutProbAvg: DescribedScore = {
  ...ofSamples,
  compute: (step) => mean(sampled(step), 0),
  formula: "mean of q_1 … q_n, the probabilities of y in n passes with dropout; of ln q with logprob",
  goodFor: "how sure the model is of a token, without references: tokens of high mean are more often right",
  badFor: "models trained without dropout (most of those since 2022), whatever rate is given; few passes are noisy",
  unit: "probability",
  multiplies: true,
};

export const mcDropoutProbZscore: DescribedScore = {
  ...ofSamples,
  compute: (step) => {
    const q_NR = sampled(step);
    const q_R = mean(q_NR, 0);
    const n = q_NR.shape[0] ?? 0;
    const deviation_R = sqrt(mul(sum(square(sub(q_NR, q_R)), 0), scalar(1 / (n - 1))));
    return div(sub(probabilityOrLog(step, step.options.logprob), q_R), deviation_R);
  },
  formula: "(p[y] − mean of q) / standard deviation of q",
  goodFor: "reproducing what Inseq 0.7.1 reports as mc_dropout_prob_avg",
  badFor: "comparing tokens: it grows where the passes agree",
  unit: "score",
};

/** Passes with dropout, as asked for. */
export function dropoutPasses({ nMcdSteps = 5, mcdRate }: ScoreOptions): number {
  if (!Number.isInteger(nMcdSteps) || nMcdSteps < 2) {
    throw new OptionError(`nMcdSteps: expected an integer ≥ 2, received ${nMcdSteps}`);
  }
  if (mcdRate !== undefined && !(mcdRate > 0 && mcdRate < 1)) {
    throw new OptionError(`mcdRate: expected a number in (0, 1), received ${mcdRate}`);
  }
  return nMcdSteps;
}

/** q, [N, R] */
function sampled({ samples, options }: ScoreStep): Tensor {
  return stack(
    samples.map((sample) => probabilityOrLog(sample, options.logprob)),
    0,
  );
}
