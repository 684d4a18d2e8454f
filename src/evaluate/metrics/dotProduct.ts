/** The sum of the scores of evidence, as they are: it depends on their scale. */

import { isEvidence } from "../evidence.ts";
import type { Metric } from "../metric.ts";

export const dotProduct: Metric<object> = {
  formula: "Σ sᵢ over evidence",
  paper: "Yin and Neubig 2022, arXiv 2202.10419",
  unit: "score",
  better: "higher",
  range: [-Infinity, Infinity],
  cost: "none",
  needs: ["evidence"],
  defaults: {},
  run: async (question) => ({
    value: question.scores.reduce((sum, score, player) => sum + (isEvidence(question, player) ? score : 0), 0),
  }),
};
