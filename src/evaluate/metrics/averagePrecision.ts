/**
 * Area under the precision-recall curve of "is evidence" by score, as average precision: over the different scores in
 * falling order, Σ (Rₖ − Rₖ₋₁) Pₖ, precision and recall of all players with at least that score. Ties count together.
 */

import type { Metric } from "../metric.ts";

export const averagePrecision: Metric<object> = {
  formula: "Σ (Rₖ − Rₖ₋₁) Pₖ",
  paper: "DeYoung et al. 2020, arXiv 1911.03429",
  unit: "share",
  better: "higher",
  range: [0, 1],
  cost: "none",
  needs: ["evidence"],
  defaults: {},
  async run({ scores, evidence }) {
    const gold = evidence ?? new Uint8Array();
    const thresholds = [...new Set(scores)].sort((a, b) => b - a);
    const all = gold.reduce((sum, one) => sum + one, 0);
    let [before, total] = [0, 0];
    for (const threshold of thresholds) {
      const taken = [...scores.keys()].filter((p) => (scores[p] ?? 0) >= threshold);
      const found = taken.filter((p) => gold[p] === 1).length;
      total += (found - before) * (found / taken.length);
      before = found;
    }
    return { value: total / all };
  },
};
