/**
 * The area between the curves of two orders of removal: least relevant first (LeRF) minus most relevant first (MoRF). The
 * curve of the result is the difference of the two.
 */

import { area } from "../area.ts";
import type { Metric } from "../metric.ts";
import { type CurveOptions, checkSteps, removalCurve } from "../perturbationCurve.ts";
import { ranking } from "../ranking.ts";

export const morfLerf: Metric<CurveOptions> = {
  formula: "∫ f(x without the share q of the lowest) − f(x without the share q of the highest) dq",
  paper: "Achtibat et al. 2024, arXiv 2402.05602",
  unit: "function",
  better: "higher",
  range: [-Infinity, Infinity],
  cost: "2 P, at most 2 · steps",
  needs: ["removal"],
  defaults: { steps: 100 },
  check: checkSteps,
  async run(question, { steps }) {
    const order = ranking(question);
    const morf = await removalCurve(question, order, steps);
    const lerf = await removalCurve(question, order.toReversed(), steps);
    const curve = { shares: morf.shares, values: lerf.values.map((value, i) => value - (morf.values[i] ?? 0)) };
    return { value: area(curve), curve };
  },
};
