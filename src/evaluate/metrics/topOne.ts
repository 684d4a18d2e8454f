/** Whether the player with the highest score is evidence (the pointing game). Of several with that score: which share of them. */

import { isEvidence } from "../evidence.ts";
import type { Metric } from "../metric.ts";

export const topOne: Metric<object> = {
  formula: "1 if the highest score is evidence's, else 0",
  paper: "Zhang et al. 2018, arXiv 1608.00507",
  unit: "share",
  better: "higher",
  range: [0, 1],
  cost: "none",
  needs: ["evidence"],
  defaults: {},
  async run(question) {
    const highest = Math.max(...question.scores);
    const top = [...question.scores.keys()].filter((player) => question.scores[player] === highest);
    return { value: top.filter((player) => isEvidence(question, player)).length / top.length };
  },
};
