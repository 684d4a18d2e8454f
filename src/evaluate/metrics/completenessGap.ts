/**
 * How far the scores are from adding up to the change of the explained function from nothing to the text,
 * |Σ s − (f(x) − f(x without all players))|: zero for methods that are complete, if players are removed to their baseline.
 */

import { everyone, nobody } from "../../method/perturbation/game.ts";
import type { Metric } from "../metric.ts";

export const completenessGap: Metric<object> = {
  formula: "|Σᵢ sᵢ − (f(x) − f(x without all))|",
  paper: "Sundararajan et al. 2017, arXiv 1703.01365",
  unit: "function",
  better: "lower",
  range: [0, Infinity],
  cost: "2",
  needs: ["removal"],
  defaults: {},
  async run(question) {
    const ends = [everyone(question), nobody(question)];
    const [whole = Number.NaN, nothing = Number.NaN] = await question.value(ends, "explained");
    const told = question.scores.reduce((sum, score) => sum + score, 0);
    return { value: Math.abs(told - (whole - nothing)) };
  },
};
