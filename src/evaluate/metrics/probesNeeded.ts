/** How many scores one has to look at before evidence comes: the number of different scores above evidence's highest. */

import { isEvidence } from "../evidence.ts";
import type { Metric } from "../metric.ts";

export const probesNeeded: Metric<object> = {
  formula: "number of different scores above the highest of evidence",
  paper: "Yin and Neubig 2022, arXiv 2202.10419",
  unit: "rank",
  better: "lower",
  range: [0, Infinity],
  cost: "none",
  needs: ["evidence"],
  defaults: {},
  async run(question) {
    const best = Math.max(...question.scores.filter((_, player) => isEvidence(question, player)));
    return { value: new Set(question.scores.filter((score) => score > best)).size };
  },
};
