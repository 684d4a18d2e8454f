/**
 * Magnitude-aligned scoring: RISE's curve, plus a penalty |curve − density| where scores are of other sizes than their
 * effects; the density is the share of the positive scores that is not removed yet. The sum is clipped to [0, 1] and
 * rescaled to that range. Without a positive score it has no meaning.
 */

import { area } from "../area.ts";
import type { Metric } from "../metric.ts";
import { type CurveOptions, checkSteps } from "../perturbationCurve.ts";
import { ranking } from "../ranking.ts";
import { riseCurve } from "./rise.ts";

export const mas: Metric<CurveOptions> = {
  formula:
    "∫ rescale(clip(r + |r − density|)) dq, r the curve of RISE, density = Σ positive scores left / Σ positive scores",
  paper: "Walker et al. 2024 (IJCAI); as in FlashTrace, arXiv 2602.01914",
  unit: "share",
  better: "lower",
  range: [0, 1],
  cost: "steps + 1",
  needs: ["removal"],
  defaults: { steps: 20 },
  check: checkSteps,
  async run(question, { steps }) {
    const order = ranking(question);
    const curve = await riseCurve(question, order, steps);
    const positive = order.map((player) => Math.max(0, question.scores[player] ?? 0));
    const mass = sum(positive);
    if (curve === null || mass === 0) return { value: null };
    const penalised = curve.values.map((value, i) => {
      const removed = Math.round((curve.shares[i] ?? 0) * question.players);
      const density = sum(positive.slice(removed)) / mass;
      return Math.min(1, Math.max(0, value + Math.abs(value - density)));
    });
    const [least, greatest] = [Math.min(...penalised), Math.max(...penalised)];
    if (least === greatest) return { value: null };
    const values = penalised.map((value) => (value - least) / (greatest - least));
    return { value: area({ ...curve, values }), curve: { ...curve, values } };
  },
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
