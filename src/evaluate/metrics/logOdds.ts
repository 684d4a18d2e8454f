/**
 * Log-odds: how the logarithm of the target's probability changes when the players with the highest scores are removed,
 * ln p(x without top) − ln p(x). Always of the probability, whatever is measured otherwise.
 */

import { checkErasure, type ErasureOptions, meanLoss } from "../erasure.ts";
import type { Metric } from "../metric.ts";
import { removing } from "../ranking.ts";

export const logOdds: Metric<ErasureOptions> = {
  formula: "mean over k of ln p(x without the k highest) − ln p(x)",
  paper: "Shrikumar et al. 2017, arXiv 1704.02685",
  unit: "nat",
  better: "lower",
  range: [-Infinity, Infinity],
  cost: "1 for each share, and 1",
  needs: ["removal"],
  defaults: { shares: [0.2], protocol: "eraser" },
  check: checkErasure,
  async run(question, options) {
    const { value, curve } = await meanLoss(question, options, removing, "logprob");
    if (value === null || curve === undefined) return { value: null };
    return { value: negated(value), curve: { ...curve, values: curve.values.map(negated) } };
  },
};

/** Not −0, which JSON does not keep. */
const negated = (value: number): number => 0 - value;
