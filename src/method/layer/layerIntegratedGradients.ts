/**
 * Integrated gradients in the space of a site's activations (Sundararajan et al. 2017, arXiv 1703.01365, at inner layers):
 *
 *   (a − a') ⊙ ∫₀¹ ∂f/∂a (a' + α (a − a')) dα,
 *
 * a the activation for the input, a' that for the baseline. Only the site moves; all else in the model is what it is for
 * the input, so the scores add up to the change in f when the site is set to a', which is what `returnConvergenceDelta: true`
 * compares them with; `"inseq"` compares them with f(x) − f(x') for the whole baseline. Cost: nSteps forward and backward passes
 * for each site. Unit: that of the score.
 */

import { OptionError } from "../../errors.ts";
import type { Tensor } from "../../tensor.ts";
import {
  convergenceDelta,
  DEFAULT_STEPS,
  type IntegratedGradientsOptions,
  integratedGradients,
} from "../gradient/integratedGradients.ts";
import type { SiteMethod } from "../method.ts";
import { type LayerOptions, layerOptions } from "./layerMethods.ts";

export type LayerIntegratedGradientsOptions = LayerOptions &
  IntegratedGradientsOptions & { internalBatchSize?: number };

export const layerIntegratedGradients: SiteMethod<LayerIntegratedGradientsOptions> = {
  on: "sites",
  usesBaseline: "each",
  draws: false,
  options: [...layerOptions, "nSteps", "quadrature", "multiplyByInputs", "returnConvergenceDelta", "internalBatchSize"],
  points: ({ nSteps = DEFAULT_STEPS }, sites) => nSteps * sites,
  paper: "Sundararajan et al. 2017, arXiv 1703.01365",
  formula: "(a − a′) ⊙ ∫₀¹ ∂f/∂a(a′ + α(a − a′)) dα",
  cost: "n_steps forward and backward for each layer",
  unit: "that of the score",
  defaults: {
    nSteps: DEFAULT_STEPS,
    quadrature: "gausslegendre",
    multiplyByInputs: true,
    returnConvergenceDelta: false,
  },
  goodFor: "what one layer's activations contribute, compared with those of the baseline",
  badFor: "many layers at once, as each has a path of its own; activations on the path are none that a text makes",

  async run(problem, options) {
    checkOneSite(problem.sites, options.returnConvergenceDelta);
    const asInseq = options.returnConvergenceDelta === "inseq";
    const own = { ...options, returnConvergenceDelta: options.returnConvergenceDelta === true };
    const attributions: Tensor[] = [];
    let deltas: Tensor | undefined;
    for (let site = 0; site < problem.sites; site++) {
      const answer = await integratedGradients.run(problem.at(site), own);
      attributions.push(...answer.attributions);
      deltas = answer.deltas;
    }
    const { inputs, baseline } = problem.embeddings;
    if (asInseq) deltas = await convergenceDelta(problem.embeddings, attributions, inputs, baseline.embeddings);
    return { attributions, deltas };
  },
};

/** @throws OptionError when one delta is asked for of several sites */
export function checkOneSite(sites: number, returnConvergenceDelta: unknown): void {
  if (!returnConvergenceDelta || sites === 1) return;
  throw new OptionError(
    `returnConvergenceDelta: expected one layer in targetLayer, as each has a delta of its own, received ${sites}; ask for ` +
      "one at a time",
  );
}
