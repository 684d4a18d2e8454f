/** Insertion: the area under the function while players are revealed, the highest score first. A good order makes it rise soon. */

import { area } from "../area.ts";
import type { Metric } from "../metric.ts";
import { type CurveOptions, checkSteps, revealCurve } from "../perturbationCurve.ts";
import { ranking } from "../ranking.ts";

export const insertion: Metric<CurveOptions> = {
  formula: "∫ f(the share q of the highest alone) dq",
  paper: "Petsiuk et al. 2018, arXiv 1806.07421",
  unit: "function",
  better: "higher",
  range: [-Infinity, Infinity],
  cost: "P + 1, at most steps + 1",
  needs: ["removal"],
  defaults: { steps: 100 },
  check: checkSteps,
  async run(question, { steps }) {
    const curve = await revealCurve(question, ranking(question), steps);
    return { value: area(curve), curve };
  },
};
