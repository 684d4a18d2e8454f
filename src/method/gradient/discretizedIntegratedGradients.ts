/**
 * Discretized integrated gradients (Sanyal and Ren 2021, arXiv 2108.13654): the path from baseline to word goes along
 * embeddings of other words (`monotonicPath.ts`) instead of straight through places that no word has,
 *
 *   Σ_i ∂f/∂x (p_i) ⊙ (p_{i+1} − p_i),  p_0 = x' … p_{n−1} = x; all tokens move together.
 *
 * A left Riemann sum: completeness holds up to its error, which is large for few steps. `returnConvergenceDelta: true`
 * reports it as Σ attributions − (f(x) − f(x')); `"inseq"` with the ends of the path exchanged, as Inseq computes it.
 *
 * Needs a baseline of tokens. Cost: nSteps − 1 forward and backward passes, and for each word on the way one product with
 * the embedding table. Unit: that of the score.
 */

import { OptionError } from "../../errors.ts";
import { knownName } from "../../names.ts";
import { dispose, mul, slice, squeeze, sub, type Tensor, tensor, tidy } from "../../tensor.ts";
import type { EmbeddingMethod } from "../method.ts";
import type { Path, Problem } from "../problem.ts";
import { convergenceDelta, DEFAULT_STEPS } from "./integratedGradients.ts";
import { monotonicPaths, type WalkStrategy, walkStrategies } from "./monotonicPath.ts";

export interface DiscretizedOptions {
  /** Points on the path, both ends included. */
  readonly nSteps?: number;
  /** How the next word is chosen; called `method` by Inseq. `greedy` by default. */
  readonly strategy?: WalkStrategy;
  /** Nearest neighbours among which the next word is chosen. */
  readonly nNeighbors?: number;
  /** Multiply by x − x' once more. False by default, as in Inseq: the path's steps are factors already. */
  readonly multiplyByInputs?: boolean;
  /** Add the step score `deltas`; `"inseq"` exchanges the ends, as Inseq does. */
  readonly returnConvergenceDelta?: boolean | "inseq";
}

const DEFAULT_NEIGHBOURS = 50;

export const discretizedIntegratedGradients: EmbeddingMethod<DiscretizedOptions & { internalBatchSize?: number }> = {
  on: "embeddings",
  usesBaseline: "each",
  draws: false,
  smoothable: false,
  options: ["nSteps", "strategy", "nNeighbors", "multiplyByInputs", "returnConvergenceDelta", "internalBatchSize"],
  points: ({ nSteps = DEFAULT_STEPS }) => nSteps - 1,
  paper: "Sanyal and Ren 2021, arXiv 2108.13654",
  formula: "Σᵢ ∂f/∂x(pᵢ) ⊙ (pᵢ₊₁ − pᵢ) along words p from x′ to x",
  cost: "n_steps − 1 forward and backward",
  unit: "that of the score",
  defaults: {
    nSteps: DEFAULT_STEPS,
    strategy: "greedy",
    nNeighbors: DEFAULT_NEIGHBOURS,
    multiplyByInputs: false,
    returnConvergenceDelta: false,
  },
  goodFor: "paths along real words instead of points between them",
  badFor: "adding up: with few steps the sum is far from f(x) − f(x′); baselines that are no tokens are refused",

  async run(problem, options) {
    const points_nSD = await pathPoints(problem, options);
    const attributions = await problem.gradient(discretized(points_nSD));
    const end = (index: number): Tensor[] =>
      points_nSD.map((p_nSD) => {
        const [, S = 0, D = 0] = p_nSD.shape;
        return squeeze(slice(p_nSD, [index, 0, 0], [1, S, D]), [0]);
      });
    const n = points_nSD[0]?.shape[0] ?? 0;
    const [start, stop] = tidy(() => [end(0), end(n - 1)] as const);
    try {
      const scaled = tidy(() =>
        options.multiplyByInputs
          ? attributions.map((a_NSD, i) => mul(a_NSD, sub(stop[i] as Tensor, start[i] as Tensor)))
          : attributions,
      );
      if (!options.returnConvergenceDelta) return { attributions: scaled };
      const [last, first] = options.returnConvergenceDelta === "inseq" ? [start, stop] : [stop, start];
      return { attributions: scaled, deltas: await convergenceDelta(problem, scaled, last, first) };
    } finally {
      dispose([...points_nSD, ...start, ...stop]);
    }
  },
};

/** p_0 … p_{n−1} of each input, [n, S, D]. */
async function pathPoints(problem: Problem, options: DiscretizedOptions): Promise<Tensor[]> {
  const { nSteps: points = DEFAULT_STEPS, nNeighbors: neighbours = DEFAULT_NEIGHBOURS } = options;
  const strategy = knownName(
    "strategy of discretized_integrated_gradients",
    options.strategy ?? "greedy",
    walkStrategies,
  );
  if (!Number.isInteger(points) || points < 2) {
    throw new OptionError(`nSteps: expected an integer ≥ 2 for a path with two ends, received ${points}`);
  }
  if (!Number.isInteger(neighbours) || neighbours < 1) {
    throw new OptionError(`nNeighbors: expected a positive integer, received ${neighbours}`);
  }
  const all: Tensor[] = [];
  for (const [i, words] of problem.words.entries()) {
    const baselineIds = problem.baseline.ids[i] ?? null;
    if (baselineIds === null) {
      throw new OptionError(
        "baseline: discretized_integrated_gradients walks from word to word and needs a baseline of tokens, received " +
          'zeros or a mean; take a token, such as "unk"',
      );
    }
    const paths = await monotonicPaths(words, baselineIds, { points, neighbours, strategy });
    const [S, D] = [paths.length, paths[0]?.[0]?.length ?? 0];
    const numbers = new Float32Array(points * S * D);
    for (const [s, path] of paths.entries()) {
      for (const [k, vector] of path.entries()) numbers.set(vector, (k * S + s) * D);
    }
    all.push(tensor(numbers, [points, S, D]));
  }
  return all;
}

/** All points but the last, each with the step to the next one as its factor. */
function discretized(points_nSD: readonly Tensor[]): Path {
  const length = (points_nSD[0]?.shape[0] ?? 1) - 1;
  const part = (p_nSD: Tensor, from: number, to: number): Tensor =>
    slice(p_nSD, [from, 0, 0], [to - from, ...p_nSD.shape.slice(1)]);
  return {
    length,
    weights: Array.from({ length }, () => 1),
    points: (from, to) => points_nSD.map((p_nSD) => part(p_nSD, from, to)),
    factors: (from, to) => points_nSD.map((p_nSD) => sub(part(p_nSD, from + 1, to + 1), part(p_nSD, from, to))),
  };
}
