/**
 * Gradient × activation at sites inside the model (Shrikumar et al. 2016, arXiv 1605.01713, at inner layers): a ⊙ ∂f/∂a, or
 * ∂f/∂a without `multiplyByInputs`.
 *
 * Cost: one forward and one backward pass for all sites together, and one forward pass to read them. Unit: that of the score.
 */

import { dispose, expandDims, mul, tidy } from "../../tensor.ts";
import { here } from "../gradient/path.ts";
import type { SiteMethod } from "../method.ts";
import { type LayerOptions, layerOptions } from "./layerMethods.ts";

export interface LayerGradientOptions extends LayerOptions {
  readonly multiplyByInputs?: boolean;
}

export const layerGradientXActivation: SiteMethod<LayerGradientOptions> = {
  on: "sites",
  usesBaseline: false,
  draws: false,
  options: [...layerOptions, "multiplyByInputs"],
  points: () => 1,
  paper: "Shrikumar et al. 2016, arXiv 1605.01713",
  formula: "a ⊙ ∂f/∂a",
  cost: "2 forward, 1 backward for all layers together",
  unit: "that of the score",
  defaults: { multiplyByInputs: true },
  goodFor: "which layers and positions carry what decides, for all layers in one pass",
  badFor: "adding up, and saturated layers",

  async run(problem, options) {
    const gradients = await problem.gradient(here(problem.embeddings));
    if (!(options.multiplyByInputs ?? true)) return { attributions: gradients };
    const points = tidy(() => problem.embeddings.inputs.map((x_SD) => expandDims(x_SD, 0)));
    const activations = await problem.activations(points);
    dispose(points);
    return { attributions: tidy(() => gradients.map((g_NSD, i) => mul(g_NSD, activations[i] ?? g_NSD))) };
  },
};
