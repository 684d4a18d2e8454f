/** F1 of the players with the highest scores against the evidence. */

import type { Metric } from "../metric.ts";
import { checkTop, overlap, type TopOptions, topDefaults } from "../topPlayers.ts";

export const tokenF1: Metric<TopOptions> = {
  formula: "2 · precision · recall / (precision + recall) of the k highest",
  paper: "DeYoung et al. 2020, arXiv 1911.03429",
  unit: "share",
  better: "higher",
  range: [0, 1],
  cost: "none",
  needs: ["evidence"],
  defaults: topDefaults,
  check: checkTop,
  async run(question, options) {
    const { taken, found, evidence } = overlap(question, options);
    return { value: (2 * found) / (taken + evidence) };
  },
};
