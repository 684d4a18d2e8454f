/** Which share of the positive scores lies on evidence; without a positive score it has no meaning. */

import { isEvidence } from "../evidence.ts";
import type { Metric } from "../metric.ts";

export const relevanceMass: Metric<object> = {
  formula: "Σ max(0, sᵢ) over evidence / Σ max(0, sᵢ)",
  paper: "Arras et al. 2022, arXiv 2003.07258",
  unit: "share",
  better: "higher",
  range: [0, 1],
  cost: "none",
  needs: ["evidence"],
  defaults: {},
  async run(question) {
    const mass = (counts: (player: number) => boolean): number =>
      question.scores.reduce((sum, score, player) => sum + (counts(player) ? Math.max(0, score) : 0), 0);
    const all = mass(() => true);
    return { value: all === 0 ? null : mass((player) => isEvidence(question, player)) / all };
  },
};
