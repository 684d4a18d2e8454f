/**
 * Internal influence (Leino et al. 2018, arXiv 1802.03788): ∫₀¹ ∂f/∂a (x' + α (x − x')) dα, the average gradient at a layer
 * along the straight path of the input. Cost: nSteps forward and backward passes for all layers together. Unit: score per
 * unit of the activation.
 */

import { DEFAULT_STEPS, type IntegratedGradientsOptions } from "../gradient/integratedGradients.ts";
import { line } from "../gradient/path.ts";
import { quadrature } from "../gradient/quadrature.ts";
import type { SiteMethod } from "../method.ts";
import { type LayerOptions, layerOptions } from "./layerMethods.ts";

export type InternalInfluenceOptions = LayerOptions &
  Pick<IntegratedGradientsOptions, "nSteps" | "quadrature"> & { internalBatchSize?: number };

export const internalInfluence: SiteMethod<InternalInfluenceOptions> = {
  on: "sites",
  usesBaseline: "each",
  draws: false,
  options: [...layerOptions, "nSteps", "quadrature", "internalBatchSize"],
  points: ({ nSteps = DEFAULT_STEPS }) => nSteps,
  paper: "Leino et al. 2018, arXiv 1802.03788",
  formula: "∫₀¹ ∂f/∂a(x′ + α(x − x′)) dα",
  cost: "n_steps forward, n_steps backward for all layers together",
  unit: "score per unit of the activation",
  defaults: { nSteps: DEFAULT_STEPS, quadrature: "gausslegendre" },
  goodFor: "which units f is sensitive to on the way from the baseline",
  badFor: "shares: it is an average gradient and adds up to nothing",

  async run(problem, options) {
    const { nodes, weights } = quadrature(options.quadrature ?? "gausslegendre", options.nSteps ?? DEFAULT_STEPS);
    return { attributions: await problem.gradient(line(problem.embeddings, nodes, weights)) };
  },
};
