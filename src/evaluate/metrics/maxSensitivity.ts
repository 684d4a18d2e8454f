/**
 * Max-sensitivity: how much scores change at most when the embeddings move a little,
 * max ‖s(x + δ) − s(x)‖ / ‖s(x)‖ over random δ with |δ| ≤ radius in every element. Scores that are all 0 count as having the
 * length 1, as in Captum.
 */

import { OptionError } from "../../errors.ts";
import { checkCount, type Metric } from "../metric.ts";

export interface SensitivityOptions {
  /** How far each element of an embedding may move. */
  readonly radius?: number;
  /** How many points nearby are tried. */
  readonly samples?: number;
}

export const maxSensitivity: Metric<SensitivityOptions> = {
  formula: "max over |δ| ≤ radius of ‖s(x + δ) − s(x)‖ / ‖s(x)‖",
  paper: "Yeh et al. 2019, arXiv 1901.09392",
  unit: "share",
  better: "lower",
  range: [0, Infinity],
  cost: "that of the method for each sample",
  needs: [],
  defaults: { radius: 0.02, samples: 10 },
  check({ radius, samples }) {
    checkCount("samples", samples);
    if (radius > 0 && Number.isFinite(radius)) return;
    throw new OptionError(`radius: expected a number above 0, received ${radius}`);
  },
  async run({ scores, nearby }, { radius, samples }) {
    const length = norm(scores) || 1;
    const changes = (await nearby(samples, radius)).map((others) => norm(others.map((s, p) => s - (scores[p] ?? 0))));
    return { value: Math.max(...changes) / length };
  },
};

const norm = (values: Float64Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
