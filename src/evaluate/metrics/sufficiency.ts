/**
 * Sufficiency: what the function loses when only the players with the highest scores are left, f(x) − f(top alone).
 * `aopc_sufficiency` is its mean over rationales of several sizes.
 */

import { checkErasure, type ErasureOptions, meanLoss } from "../erasure.ts";
import type { Metric } from "../metric.ts";
import { keeping } from "../ranking.ts";

export const sufficiency: Metric<ErasureOptions> = {
  formula: "mean over k of f(x) − f(the k highest alone)",
  paper: "DeYoung et al. 2020, arXiv 1911.03429",
  unit: "function",
  better: "lower",
  range: [-Infinity, Infinity],
  cost: "1 for each share, and 1",
  needs: ["removal"],
  defaults: { shares: [0.2], protocol: "eraser" },
  check: checkErasure,
  run: (question, options) => meanLoss(question, options, keeping, "measured"),
};

export const aopcSufficiency: Metric<ErasureOptions> = {
  ...sufficiency,
  defaults: { shares: [0.01, 0.05, 0.1, 0.2, 0.5], protocol: "eraser" },
};
