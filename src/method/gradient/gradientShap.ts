/**
 * Gradient SHAP (Lundberg and Lee 2017, arXiv 1705.07874; the estimator is that of the SHAP package): expected gradients
 * between noisy inputs and baselines,
 *
 *   E[(x̃ − x') ⊙ ∂f/∂x (u x̃ + (1 − u) x')],  x̃ = x + N(0, stdevs²), x' drawn from the baselines, u ~ U(0, 1),
 *
 * as the mean of `nSamples` draws. All steps share the draws, which come from the seed. Baselines are those that the
 * caller names for this text; other texts of a batch play no part. The convergence delta is relative to the mean change
 * of f between the drawn ends. Cost: nSamples forward and backward passes. Unit: that of the score.
 */

import { OptionError } from "../../errors.ts";
import { add, dispose, mul, reshape, scalar, stack, sub, sum, type Tensor, tensor, tidy } from "../../tensor.ts";
import type { EmbeddingMethod } from "../method.ts";
import type { Answer, Path, Problem } from "../problem.ts";
import { checkSamples } from "../samples.ts";
import { totals } from "./integratedGradients.ts";

export interface GradientShapOptions {
  /** Draws that are averaged. */
  readonly nSamples?: number;
  /** Standard deviation of the noise that is added to the embeddings. */
  readonly stdevs?: number;
  /** Without it the result is the average gradient. */
  readonly multiplyByInputs?: boolean;
  /** Add the step score `deltas`. */
  readonly returnConvergenceDelta?: boolean | "inseq";
}

/** Captum's and Inseq's number of samples. */
const DEFAULT_SAMPLES = 5;

export const gradientShap: EmbeddingMethod<GradientShapOptions & { internalBatchSize?: number }> = {
  on: "embeddings",
  usesBaseline: "all",
  draws: true,
  smoothable: true,
  options: ["nSamples", "stdevs", "multiplyByInputs", "returnConvergenceDelta", "internalBatchSize"],
  points: ({ nSamples = DEFAULT_SAMPLES }) => nSamples,
  paper: "Lundberg and Lee 2017, arXiv 1705.07874",
  formula: "E[(x̃ − x′) ⊙ ∂f/∂x(u x̃ + (1 − u) x′)], x̃ = x + noise, u ~ U(0, 1)",
  cost: "n_samples forward, n_samples backward",
  unit: "that of the score",
  defaults: { nSamples: DEFAULT_SAMPLES, stdevs: 0, multiplyByInputs: true, returnConvergenceDelta: false },
  goodFor: "integrated gradients over several baselines of one's own, at the price of a few samples",
  badFor: "precision: with five samples the scores are noisy; look at `returnConvergenceDelta`",

  run(problem, { nSamples = DEFAULT_SAMPLES, stdevs = 0, ...options }) {
    checkSamples(nSamples);
    if (!(stdevs >= 0)) throw new OptionError(`stdevs: expected a number ≥ 0, received ${stdevs}`);
    const random = problem.random();
    const draws = Array.from({ length: nSamples }, () => ({
      reference: random.below(problem.references.length),
      u: random.uniform(),
    }));
    return averageOverDraws(problem, draws, stdevs, options);
  },
};

/** One sample: which of the baselines, and where between it and the input. */
export interface Draw {
  readonly reference: number;
  readonly u: number;
}

/** The mean over the draws of (x̃ − x') ⊙ ∂f/∂x (u x̃ + (1 − u) x'). */
export async function averageOverDraws(
  problem: Problem,
  draws: readonly Draw[],
  stdevs: number,
  options: Pick<GradientShapOptions, "multiplyByInputs" | "returnConvergenceDelta">,
): Promise<Answer> {
  const K = draws.length;
  /** x̃_k and x'_k of each input, [to − from, S, D]. */
  const ends = (from: number, to: number): { noisy: Tensor[]; baselines: Tensor[] } => ({
    noisy: problem.inputs.map((x_SD, i) =>
      stack(
        Array.from({ length: to - from }, (_, k) =>
          stdevs === 0 ? x_SD : add(x_SD, noise(problem, i, from + k, stdevs)),
        ),
        0,
      ),
    ),
    baselines: problem.inputs.map((x_SD, i) =>
      stack(
        draws.slice(from, to).map(({ reference }) => problem.references[reference]?.embeddings[i] ?? x_SD),
        0,
      ),
    ),
  });
  const path: Path = {
    length: K,
    weights: draws.map(() => 1 / K),
    points: (from, to) => {
      const { noisy, baselines } = ends(from, to);
      const u_K11 = reshape(
        tensor(
          draws.slice(from, to).map(({ u }) => u),
          [to - from],
        ),
        [to - from, 1, 1],
      );
      return noisy.map((noisy_KSD, i) => {
        const baseline_KSD = baselines[i] as Tensor;
        return add(baseline_KSD, mul(u_K11, sub(noisy_KSD, baseline_KSD)));
      });
    },
    ...((options.multiplyByInputs ?? true) && {
      factors: (from: number, to: number) => {
        const { noisy, baselines } = ends(from, to);
        return noisy.map((noisy_KSD, i) => sub(noisy_KSD, baselines[i] as Tensor));
      },
    }),
  };
  const attributions = await problem.gradient(path);
  if (!options.returnConvergenceDelta) return { attributions };
  const { noisy, baselines } = tidy(() => ends(0, K));
  const [top_KN, bottom_KN] = [await problem.value(noisy), await problem.value(baselines)];
  dispose([...noisy, ...baselines]);
  const deltas = tidy(() => sub(totals(attributions), mul(scalar(1 / K), sum(sub(top_KN, bottom_KN), 0))));
  return { attributions, deltas };
}

/** N(0, stdevs²) for input i of draw k, [S, D]: a stream of its own, so that the first positions do not depend on S. */
function noise({ inputs, random }: Problem, i: number, k: number, stdevs: number): Tensor {
  const numbers = random(1 + k * inputs.length + i);
  const shape = inputs[i]?.shape ?? [];
  const size = shape.reduce((product, length) => product * length, 1);
  return tensor(
    Float32Array.from({ length: size }, () => stdevs * numbers.normal()),
    shape,
  );
}
