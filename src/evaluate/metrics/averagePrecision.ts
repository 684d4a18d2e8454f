/**
 * Area under the precision-recall curve of "is evidence" by score, over the different scores in falling order: precision and
 * recall of all players with at least that score. Ties count together. The area has two published forms:
 *   `steps`       Σ (Rₖ − Rₖ₋₁) Pₖ, average precision: constant scores get the share of evidence, no more
 *   `trapezoids`  Σ (Rₖ − Rₖ₋₁) (Pₖ + Pₖ₋₁) / 2 with P₀ = 1, R₀ = 0: ERASER's code and ferret's. Straight lines between points
 *                 promise what no order of the players reaches (Davis and Goadrich 2006), and tied scores gain most by them
 */

import { knownName } from "../../names.ts";
import type { Metric } from "../metric.ts";

const areas = ["steps", "trapezoids"] as const;

export interface PrecisionOptions {
  /** How the curve's points are joined. */
  readonly area?: (typeof areas)[number];
}

export const averagePrecision: Metric<PrecisionOptions> = {
  formula: "Σ (Rₖ − Rₖ₋₁) Pₖ",
  paper: "DeYoung et al. 2020, arXiv 1911.03429",
  unit: "share",
  better: "higher",
  range: [0, 1],
  cost: "none",
  needs: ["evidence"],
  defaults: { area: "steps" },
  check: ({ area }) => void knownName("area", area, areas),
  async run({ scores, evidence }, { area }) {
    const gold = evidence ?? new Uint8Array();
    const thresholds = [...new Set(scores)].sort((a, b) => b - a);
    const all = gold.reduce((sum, one) => sum + one, 0);
    let [before, height, total] = [0, 1, 0];
    for (const threshold of thresholds) {
      const taken = [...scores.keys()].filter((p) => (scores[p] ?? 0) >= threshold);
      const found = taken.filter((p) => gold[p] === 1).length;
      const precision = found / taken.length;
      total += (found - before) * (area === "steps" ? precision : (precision + height) / 2);
      [before, height] = [found, precision];
    }
    return { value: total / all };
  },
};
