/**
 * How many players one has to look at, from the highest score down, before evidence comes. The paper's code counts players of
 * equal scores once, and so gives scores that are all the same, which tell nothing, the best there is; here a tie is broken at
 * random, as everywhere.
 */

import { isEvidence } from "../evidence.ts";
import type { Metric } from "../metric.ts";
import { ranking } from "../ranking.ts";

export const probesNeeded: Metric<object> = {
  formula: "number of players above the first evidence",
  paper: "Yin and Neubig 2022, arXiv 2202.10419",
  unit: "rank",
  better: "lower",
  range: [0, Infinity],
  cost: "none",
  needs: ["evidence"],
  defaults: {},
  async run(question) {
    return { value: ranking(question).findIndex((player) => isEvidence(question, player)) };
  },
};
