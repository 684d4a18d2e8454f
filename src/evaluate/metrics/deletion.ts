/** Deletion: the area under the function while players are removed, the highest score first. A good order makes it fall soon. */

import { area } from "../area.ts";
import type { Metric } from "../metric.ts";
import { type CurveOptions, checkSteps, removalCurve } from "../perturbationCurve.ts";
import { ranking } from "../ranking.ts";

export const deletion: Metric<CurveOptions> = {
  formula: "∫ f(x without the share q of the highest) dq",
  paper: "Petsiuk et al. 2018, arXiv 1806.07421",
  unit: "function",
  better: "lower",
  range: [-Infinity, Infinity],
  cost: "P + 1, at most steps + 1",
  needs: ["removal"],
  defaults: { steps: 100 },
  check: checkSteps,
  async run(question, { steps }) {
    const curve = await removalCurve(question, ranking(question), steps);
    return { value: area(curve), curve };
  },
};
