/**
 * Soft comprehensiveness: elements of embeddings are kept with the probability 1 − the score of their player, between 0 and
 * 1. The normalised form sets the loss of the whole text to 1, step by step; where that loss is none, it has no meaning.
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

export const softComprehensiveness: Metric<SoftOptions> = {
  formula: "H(p, p of embeddings · Bernoulli(1 − s)), s rescaled to [0, 1]",
  paper: "Zhao and Aletras 2023, arXiv 2305.10496",
  unit: "distance",
  better: "higher",
  range: [0, Math.SQRT2],
  cost: "samples + 1",
  needs: [],
  defaults: softDefaults,
  check: checkSoft,
  async run(question, options) {
    return { value: overSteps(await softDistance(question, complement(question.scores), options)) };
  },
};

export const softNormalizedComprehensiveness: Metric<SoftOptions> = {
  ...softComprehensiveness,
  formula: "C / (1 − S₀), C soft comprehensiveness, S₀ soft sufficiency of no element at all",
  range: [0, Infinity],
  cost: "samples + 2",
  async run(question, options) {
    const distances = await softDistance(question, complement(question.scores), options);
    const empty = await emptyDistance(question, options);
    return { value: overSteps(empty.map((most, n) => (most === 0 ? null : (distances[n] ?? 0) / most))) };
  },
};

const complement = (scores: Float64Array): Float64Array => unitScores(scores).map((score) => 1 - score);
