/**
 * RISE as FlashTrace measures it: the deletion curve r of the target's log-probability, freed of its scale,
 * (r_i − r_k) / |r_0 − r_k| clipped to [0, 1], made monotone by a running minimum; and the area under it. With r_0 = r_k,
 * where removing everything changes nothing, it has no meaning.
 */

import { area } from "../area.ts";
import type { Curve, Metric, Question } from "../metric.ts";
import { type CurveOptions, checkSteps, removalCurve } from "../perturbationCurve.ts";
import { ranking } from "../ranking.ts";

export const rise: Metric<CurveOptions> = {
  formula: "∫ min over q' ≤ q of clip((r(q') − r(1)) / |r(0) − r(1)|) dq, r = ln p without the share q of the highest",
  paper: "Petsiuk et al. 2018, arXiv 1806.07421; as in FlashTrace, arXiv 2602.01914",
  unit: "share",
  better: "lower",
  range: [0, 1],
  cost: "steps + 1",
  needs: ["removal"],
  defaults: { steps: 20 },
  check: checkSteps,
  async run(question, { steps }) {
    const curve = await riseCurve(question, ranking(question), steps);
    return curve === null ? { value: null } : { value: area(curve), curve };
  },
};

/** The curve whose area RISE is; null where it has no scale. */
export async function riseCurve(question: Question, order: readonly number[], steps: number): Promise<Curve | null> {
  const { shares, values } = await removalCurve(question, order, steps, "logprob");
  const [first = 0, last = 0] = [values[0], values.at(-1)];
  if (first === last) return null;
  let least = 1;
  const falling = values.map((value) => {
    const share = (value - last) / Math.abs(first - last);
    least = Math.min(least, Math.max(0, share));
    return least;
  });
  return { shares, values: falling };
}
