/** Whether players rank as removing each of them alone ranks them: the correlation of scores with f(x) − f(x without i). */

import { everyone } from "../../method/perturbation/game.ts";
import { type CorrelationOptions, checkCoefficient, correlation } from "../correlation.ts";
import type { Metric } from "../metric.ts";
import { removing } from "../ranking.ts";

export const leaveOneOutCorrelation: Metric<CorrelationOptions> = {
  formula: "τ-b(s, f(x) − f(x without xᵢ))",
  paper: "Attanasio et al. 2023, arXiv 2208.01575",
  unit: "correlation",
  better: "higher",
  range: [-1, 1],
  cost: "P + 1",
  needs: ["removal"],
  defaults: { coefficient: "kendall" },
  check: checkCoefficient,
  async run(question, { coefficient }) {
    const alone = Array.from({ length: question.players }, (_, player) => removing(question, [player]));
    const [whole = Number.NaN, ...parts] = await question.value([everyone(question), ...alone], "explained");
    const drops = parts.map((part) => whole - part);
    return { value: correlation(question.scores, drops, coefficient) };
  },
};
