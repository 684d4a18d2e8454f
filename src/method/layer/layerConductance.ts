/**
 * Conductance (Dhamdhere, Sundararajan and Yan 2018, arXiv 1805.12233): how much of the integrated gradients of the input flows
 * through each unit of a layer. In the form of Shrikumar, Su and Kundaje (2018, arXiv 1807.09946),
 *
 *   ∫₀¹ ∂f/∂a (x(α)) ⊙ da/dα dα,  x(α) = x' + α (x − x'),
 *
 * by the trapezoid rule over nSteps intervals: Σ_k ½ (g_k + g_{k+1}) ⊙ (a_{k+1} − a_k). Completeness: over a layer that
 * everything goes through (the output of a block) it adds up to f(x) − f(x'), as integrated gradients do. Cost: nSteps + 1
 * forward and backward passes for all layers together, and as many forward passes to read them. Unit: that of the score.
 */

import { OptionError } from "../../errors.ts";
import { concat, dispose, mul, scalar, slice, sub, type Tensor, tidy } from "../../tensor.ts";
import { convergenceDelta, DEFAULT_STEPS, type IntegratedGradientsOptions } from "../gradient/integratedGradients.ts";
import { line } from "../gradient/path.ts";
import type { SiteMethod } from "../method.ts";
import { checkOneSite } from "./layerIntegratedGradients.ts";
import { type LayerOptions, layerOptions } from "./layerMethods.ts";

export type ConductanceOptions = LayerOptions &
  Pick<IntegratedGradientsOptions, "nSteps" | "returnConvergenceDelta"> & { internalBatchSize?: number };

export const layerConductance: SiteMethod<ConductanceOptions> = {
  on: "sites",
  usesBaseline: "each",
  draws: false,
  options: [...layerOptions, "nSteps", "returnConvergenceDelta", "internalBatchSize"],
  points: ({ nSteps = DEFAULT_STEPS }) => nSteps + 1,
  paper: "Dhamdhere et al. 2018, arXiv 1805.12233",
  formula: "∫₀¹ ∂f/∂a(x(α)) ⊙ da/dα dα along x(α) = x′ + α(x − x′)",
  cost: "2 (n_steps + 1) forward, n_steps + 1 backward for all layers together",
  unit: "that of the score",
  defaults: { nSteps: DEFAULT_STEPS, returnConvergenceDelta: false },
  goodFor: "how much of the integrated gradients of the input flows through each unit of a layer",
  badFor: "few steps: the activations move along a curve, and the trapezoid rule needs some points to follow it",

  async run(problem, { nSteps: intervals = DEFAULT_STEPS, returnConvergenceDelta }) {
    if (!Number.isInteger(intervals) || intervals < 1) {
      throw new OptionError(`nSteps: expected a positive integer, received ${intervals}`);
    }
    checkOneSite(problem.sites, returnConvergenceDelta);
    const nodes = Array.from({ length: intervals + 1 }, (_, k) => k / intervals);
    const path = line(
      problem.embeddings,
      nodes,
      nodes.map(() => 1),
    );
    const points = tidy(() => path.points(0, nodes.length));
    const activations = await problem.activations(points);
    dispose(points);
    const steps = tidy(() => activations.map(centralSteps));
    const factors = (from: number, to: number): Tensor[] => steps.map((step_KSD) => rows(step_KSD, from, to));
    const attributions = await problem.gradient({ ...path, factors });
    dispose(steps);
    if (!returnConvergenceDelta) return { attributions };
    const { inputs, baseline } = problem.embeddings;
    const deltas = await convergenceDelta(problem.embeddings, attributions, inputs, baseline.embeddings);
    return { attributions, deltas };
  },
};

const rows = (a_KSD: Tensor, from: number, to: number): Tensor =>
  slice(a_KSD, [from, 0, 0], [to - from, ...a_KSD.shape.slice(1)]);

/** ½ (a_{k+1} − a_{k−1}), with the end itself where there is no neighbour: Σ_k g_k ⊙ these is the trapezoid rule. */
function centralSteps(a_KSD: Tensor): Tensor {
  const K = a_KSD.shape[0] ?? 0;
  const next = concat([rows(a_KSD, 1, K), rows(a_KSD, K - 1, K)], 0);
  const previous = concat([rows(a_KSD, 0, 1), rows(a_KSD, 0, K - 1)], 0);
  return mul(scalar(0.5), sub(next, previous));
}
