/**
 * Sequential integrated gradients (Enguehard 2023, arXiv 2305.15853): for each token i a path of its own, on which only x_i
 * moves and all other tokens stay what they are,
 *
 *   (x_i − x'_i) ⊙ ∫₀¹ ∂f/∂x_i (x with x_i := x'_i + α (x_i − x'_i)) dα.
 *
 * Completeness, token by token: summed over the width it is f(x) − f(x with x_i := x'_i), up to the error of the
 * quadrature. `returnConvergenceDelta: true` reports the sum of what is missing over all tokens; `"inseq"` reports Inseq's
 * number, Σ attributions − (f(x) − f(x')), which does not vanish, because the paths do not end at x'.
 *
 * Cost: nSteps forward and backward passes for each attributed token. Unit: that of the score.
 */

import { add, dispose, expandDims, mul, sub, sum, type Tensor, tensor, tidy } from "../../tensor.ts";
import type { EmbeddingMethod } from "../method.ts";
import type { Path, Problem } from "../problem.ts";
import { convergenceDelta, DEFAULT_STEPS, type IntegratedGradientsOptions, totals } from "./integratedGradients.ts";
import { difference } from "./path.ts";
import { quadrature } from "./quadrature.ts";

export const sequentialIntegratedGradients: EmbeddingMethod<
  IntegratedGradientsOptions & { internalBatchSize?: number }
> = {
  on: "embeddings",
  usesBaseline: "each",
  draws: false,
  smoothable: true,
  options: ["nSteps", "quadrature", "multiplyByInputs", "returnConvergenceDelta", "internalBatchSize"],
  points: ({ nSteps = DEFAULT_STEPS }, positions) => nSteps * positions,
  paper: "Enguehard 2023, arXiv 2305.15853",
  formula: "(xᵢ − x′ᵢ) ⊙ ∫₀¹ ∂f/∂xᵢ(x with xᵢ at x′ᵢ + α(xᵢ − x′ᵢ)) dα",
  cost: "n_steps forward and backward for each token",
  unit: "that of the score",
  defaults: {
    nSteps: DEFAULT_STEPS,
    quadrature: "gausslegendre",
    multiplyByInputs: true,
    returnConvergenceDelta: false,
  },
  goodFor: "the effect of each word among all the others as they are; no path leads through a text of baselines",
  badFor: "long texts, as every token has a path of its own; words that can stand for each other each get little",

  async run(problem, options) {
    const { nodes, weights } = quadrature(options.quadrature ?? "gausslegendre", options.nSteps ?? DEFAULT_STEPS);
    const average = await problem.gradient(oneByOne(problem, nodes, weights));
    const attributions = tidy(() => {
      if (!(options.multiplyByInputs ?? true)) return average;
      const moved = difference(problem);
      return average.map((g_NSD, i) => mul(g_NSD, moved[i] ?? g_NSD));
    });
    switch (options.returnConvergenceDelta ?? false) {
      case false:
        return { attributions };
      case "inseq":
        return {
          attributions,
          deltas: await convergenceDelta(problem, attributions, problem.inputs, problem.baseline.embeddings),
        };
      default:
        return { attributions, deltas: await ownDelta(problem, attributions) };
    }
  },
};

/** The paths of all tokens one after another; of each point's gradient only the moving token's part is kept. */
function oneByOne(problem: Problem, nodes: readonly number[], weights: readonly number[]): Path {
  const { inputs } = problem;
  const lengths = inputs.map((x_SD) => x_SD.shape[0] ?? 0);
  const positions = lengths.reduce((total, length) => total + length, 0);
  const offsets = lengths.map((_, i) => lengths.slice(0, i).reduce((total, length) => total + length, 0));

  /** [to − from, S, 1] for each input: `value(α)` at the token that moves at each point, else 0. */
  const atMoving = (from: number, to: number, value: (alpha: number) => number): Tensor[] =>
    lengths.map((S, i) => {
      const numbers = new Float32Array((to - from) * S);
      for (let k = from; k < to; k++) {
        const token = Math.floor(k / nodes.length) - (offsets[i] ?? 0);
        if (token >= 0 && token < S) numbers[(k - from) * S + token] = value(nodes[k % nodes.length] ?? 0);
      }
      return tensor(numbers, [to - from, S, 1]);
    });
  return {
    length: positions * nodes.length,
    weights: Array.from({ length: positions }, () => weights).flat(),
    // x' + α (x − x') = x + (α − 1) (x − x')
    points: (from, to) => {
      const moved = difference(problem);
      return atMoving(from, to, (alpha) => alpha - 1).map((shift_KS1, i) => {
        const x_SD = inputs[i] as Tensor;
        return add(expandDims(x_SD, 0), mul(shift_KS1, expandDims(moved[i] ?? x_SD, 0)));
      });
    },
    factors: (from, to) => atMoving(from, to, () => 1),
  };
}

/** Σ attributions − Σ_i (f(x) − f(x with x_i := x'_i)), [N]. */
async function ownDelta(problem: Problem, attributions: readonly Tensor[]): Promise<Tensor> {
  const { length, points } = oneByOne(problem, [0], [1]);
  const ends = tidy(() => points(0, length));
  const here = tidy(() => problem.inputs.map((x_SD) => expandDims(x_SD, 0)));
  const without_KN = await problem.value(ends);
  const with_1N = await problem.value(here);
  dispose([...ends, ...here]);
  return tidy(() => {
    const changes_KN = sub(with_1N, without_KN);
    return sub(totals(attributions), sum(changes_KN, 0));
  });
}
