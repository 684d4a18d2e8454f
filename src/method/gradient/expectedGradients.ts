/**
 * Expected gradients (Erion et al. 2021, arXiv 1906.10670): integrated gradients averaged over a distribution of baselines,
 *
 *   E[(x − x') ⊙ ∂f/∂x (x' + α (x − x'))],  x' from the baselines, α ~ U(0, 1).
 *
 * By default the baselines are texts of random tokens of the vocabulary, so that no single one has to mean "nothing". Both
 * expectations are estimated from `nSamples` points, stratified: baselines take turns, and the k-th of K points draws its
 * α from [k/K, (k + 1)/K). Summed over all positions it tends to f(x) − E f(x'). Cost: nSamples forward and backward
 * passes. Unit: that of the score.
 */

import type { EmbeddingMethod } from "../method.ts";
import { checkSamples } from "../samples.ts";
import { averageOverDraws, type GradientShapOptions } from "./gradientShap.ts";

export type ExpectedGradientsOptions = Omit<GradientShapOptions, "stdevs">;

const DEFAULT_SAMPLES = 50;
/** Random baselines when the caller names none. */
const DEFAULT_BASELINES = 10;

export const expectedGradients: EmbeddingMethod<ExpectedGradientsOptions & { internalBatchSize?: number }> = {
  on: "embeddings",
  usesBaseline: "all",
  defaultBaselines: Array.from({ length: DEFAULT_BASELINES }, () => "random"),
  draws: true,
  smoothable: true,
  options: ["nSamples", "multiplyByInputs", "returnConvergenceDelta", "internalBatchSize"],
  points: ({ nSamples = DEFAULT_SAMPLES }) => nSamples,
  paper: "Erion et al. 2021, arXiv 1906.10670",
  formula: "E[(x − x′) ⊙ ∂f/∂x(x′ + α(x − x′))] over baselines x′ and α ~ U(0, 1)",
  cost: "n_samples forward, n_samples backward",
  unit: "that of the score",
  defaults: { nSamples: DEFAULT_SAMPLES, multiplyByInputs: true, returnConvergenceDelta: false },
  goodFor: "models without a token that means nothing: random texts are the baseline, and no single one decides",
  badFor: "exact sums: they hold in the mean over draws only; few samples are noisy",

  run(problem, { nSamples = DEFAULT_SAMPLES, ...options }) {
    checkSamples(nSamples);
    const random = problem.random();
    const draws = Array.from({ length: nSamples }, (_, k) => ({
      reference: k % problem.references.length,
      u: (k + random.uniform()) / nSamples,
    }));
    return averageOverDraws(problem, draws, 0, options);
  },
};
