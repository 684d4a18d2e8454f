/** 1 / the rank of the best-ranked evidence; its mean over items is the mean reciprocal rank. */

import { isEvidence } from "../evidence.ts";
import type { Metric } from "../metric.ts";
import { ranking } from "../ranking.ts";

export const reciprocalRank: Metric<object> = {
  formula: "1 / rank of the first evidence",
  paper: "Yin and Neubig 2022, arXiv 2202.10419",
  unit: "share",
  better: "higher",
  range: [0, 1],
  cost: "none",
  needs: ["evidence"],
  defaults: {},
  async run(question) {
    const first = ranking(question).findIndex((player) => isEvidence(question, player));
    return { value: 1 / (first + 1) };
  },
};
