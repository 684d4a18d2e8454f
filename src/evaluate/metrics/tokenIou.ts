/** Intersection over union of the players with the highest scores and the evidence. */

import type { Metric } from "../metric.ts";
import { checkTop, overlap, type TopOptions, topDefaults } from "../topPlayers.ts";

export const tokenIou: Metric<TopOptions> = {
  formula: "|the k highest ∩ evidence| / |the k highest ∪ evidence|",
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
    return { value: found / (taken + evidence - found) };
  },
};
