/**
 * Whether scores depend on what the model has learnt: their correlation with the same method's scores of the same text on
 * the model with random weights. An explanation of the model should lose its resemblance. Where either explanation is
 * constant it has no meaning.
 */

import { type CorrelationOptions, checkCoefficient, correlation } from "../correlation.ts";
import type { Metric } from "../metric.ts";

export const parameterRandomization: Metric<CorrelationOptions> = {
  formula: "ρ(s, s of the model with random weights)",
  paper: "Adebayo et al. 2018, arXiv 1810.03292",
  unit: "correlation",
  better: "lower",
  range: [-1, 1],
  cost: "that of the method",
  needs: ["randomized"],
  defaults: { coefficient: "spearman" },
  check: checkCoefficient,
  async run({ scores, randomized }, { coefficient }) {
    return { value: correlation(scores, await randomized(), coefficient) };
  },
};
