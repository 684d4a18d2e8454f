/**
 * Integrated gradients (Sundararajan, Taly and Yan 2017, arXiv 1703.01365):
 *
 *   (x − x') ⊙ ∫₀¹ ∂f/∂x (x' + α (x − x')) dα,  the integral by quadrature at `nSteps` points.
 *
 * Completeness: summed over all positions and widths it is f(x) − f(x'), up to the error of the quadrature, which
 * `returnConvergenceDelta` reports. Cost: nSteps forward and backward passes. Unit: that of the score.
 */

import { dispose, mul, reshape, slice, stack, sub, sum, type Tensor, tidy } from "../../tensor.ts";
import type { EmbeddingMethod } from "../method.ts";
import type { Problem } from "../problem.ts";
import { difference, line } from "./path.ts";
import { type QuadratureRule, quadrature } from "./quadrature.ts";

/** Captum's and Inseq's number of points. */
export const DEFAULT_STEPS = 50;

export interface IntegratedGradientsOptions {
  /** Points on the path. */
  readonly nSteps?: number;
  /** Quadrature rule; called `method` by Inseq. */
  readonly quadrature?: QuadratureRule;
  /** Without it the result is the average gradient along the path. */
  readonly multiplyByInputs?: boolean;
  /** Add the step score `deltas`: Σ attributions − (f(x) − f(x')). `"inseq"` is Inseq's number, where that differs. */
  readonly returnConvergenceDelta?: boolean | "inseq";
}

export const integratedGradients: EmbeddingMethod<IntegratedGradientsOptions & { internalBatchSize?: number }> = {
  on: "embeddings",
  usesBaseline: "each",
  draws: false,
  smoothable: true,
  options: ["nSteps", "quadrature", "multiplyByInputs", "returnConvergenceDelta", "internalBatchSize"],
  points: ({ nSteps = DEFAULT_STEPS }) => nSteps,
  paper: "Sundararajan et al. 2017, arXiv 1703.01365",
  formula: "(x − x′) ⊙ ∫₀¹ ∂f/∂x(x′ + α(x − x′)) dα",
  cost: "n_steps forward, n_steps backward",
  unit: "that of the score",
  defaults: {
    nSteps: DEFAULT_STEPS,
    quadrature: "gausslegendre",
    multiplyByInputs: true,
    returnConvergenceDelta: false,
  },
  goodFor:
    "signed scores that add up to f(x) − f(x′), with the error told; the usual choice when there is a good baseline",
  badFor:
    "models without a token that means nothing: scores depend on the baseline; the straight path leads through places that no text has",

  async run(problem, options) {
    const { nodes, weights } = quadrature(options.quadrature ?? "gausslegendre", options.nSteps ?? DEFAULT_STEPS);
    const average = await problem.gradient(line(problem, nodes, weights));
    const attributions = tidy(() => {
      if (!(options.multiplyByInputs ?? true)) return average;
      const moved = difference(problem);
      return average.map((g_NSD, i) => mul(g_NSD, moved[i] ?? g_NSD));
    });
    return options.returnConvergenceDelta
      ? {
          attributions,
          deltas: await convergenceDelta(problem, attributions, problem.inputs, problem.baseline.embeddings),
        }
      : { attributions };
  },
};

/** δ_n = Σ attributions_n − (f_n(end) − f_n(start)), [N], for two points [S, D] of each input. */
export async function convergenceDelta(
  problem: Problem,
  attributions: readonly Tensor[],
  end: readonly Tensor[],
  start: readonly Tensor[],
): Promise<Tensor> {
  const ends = tidy(() => end.map((x_SD, i) => stack([x_SD, start[i] ?? x_SD], 0)));
  const values_KN = await problem.value(ends);
  dispose(ends);
  return tidy(() => {
    const row = (k: number): Tensor => reshape(slice(values_KN, [k, 0], [1, problem.steps]), [problem.steps]);
    return sub(totals(attributions), sub(row(0), row(1)));
  });
}

/** Σ of all attributions [N, S, D] of each step, [N]. */
export function totals(attributions: readonly Tensor[]): Tensor {
  const sums_IN = stack(
    attributions.map((a_NSD) => sum(a_NSD, [1, 2])),
    0,
  );
  return sum(sums_IN, 0);
}
