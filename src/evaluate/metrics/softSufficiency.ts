/**
 * Soft sufficiency: elements of embeddings are kept with the probability of their player's score, between 0 and 1. The
 * normalised form sets the loss of the whole text to 0, step by step; where that loss is none, it has no meaning.
 */

import type { Metric } from "../metric.ts";
import {
  checkSoft,
  emptyDistance,
  overSteps,
  type SoftOptions,
  softDefaults,
  softDistance,
  unitScores,
} from "../soft.ts";

export const softSufficiency: Metric<SoftOptions> = {
  formula: "1 − H(p, p of embeddings · Bernoulli(s)), s rescaled to [0, 1]",
  paper: "Zhao and Aletras 2023, arXiv 2305.10496",
  unit: "distance",
  better: "higher",
  range: [1 - Math.SQRT2, 1],
  cost: "samples + 1",
  needs: [],
  defaults: softDefaults,
  check: checkSoft,
  async run(question, options) {
    const distances = await softDistance(question, unitScores(question.scores), options);
    return { value: overSteps(distances.map((distance) => 1 - distance)) };
  },
};

export const softNormalizedSufficiency: Metric<SoftOptions> = {
  ...softSufficiency,
  formula: "max(0, S − S₀) / (1 − S₀), S soft sufficiency, S₀ that of no element at all",
  range: [0, 1],
  cost: "samples + 2",
  async run(question, options) {
    const distances = await softDistance(question, unitScores(question.scores), options);
    const empty = await emptyDistance(question, options);
    const normalised = empty.map((most, n) => (most === 0 ? null : Math.max(0, most - (distances[n] ?? 0)) / most));
    return { value: overSteps(normalised) };
  },
};
