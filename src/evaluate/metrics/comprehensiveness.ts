/**
 * Comprehensiveness: what the function loses when the players with the highest scores are removed, f(x) − f(x without top).
 * `aopc_comprehensiveness` is its mean over rationales of several sizes (area over the perturbation curve).
 */

import { checkErasure, type ErasureOptions, meanLoss } from "../erasure.ts";
import type { Metric } from "../metric.ts";
import { removing } from "../ranking.ts";

export const comprehensiveness: Metric<ErasureOptions> = {
  formula: "mean over k of f(x) − f(x without the k highest)",
  paper: "DeYoung et al. 2020, arXiv 1911.03429",
  unit: "function",
  better: "higher",
  range: [-Infinity, Infinity],
  cost: "1 for each share, and 1",
  needs: ["removal"],
  defaults: { shares: [0.2], protocol: "eraser" },
  check: checkErasure,
  run: (question, options) => meanLoss(question, options, removing, "measured"),
};

export const aopcComprehensiveness: Metric<ErasureOptions> = {
  ...comprehensiveness,
  defaults: { shares: [0.01, 0.05, 0.1, 0.2, 0.5], protocol: "eraser" },
};
