/**
 * DeepLIFT at sites inside the model (Shrikumar, Greenside and Kundaje 2017, arXiv 1704.02685): (a − a') ⊙ m, with m the
 * multipliers of the site's activation in the runs of the whole input and the whole baseline.
 *
 * At the output of a block nothing goes around it, and the scores of a step add up to f(x) − f(x') exactly (with
 * `rule: "rescale"`); at a part of a block they are that part's share. Cost: two forward passes and one backward pass for
 * all sites together, and two forward passes to read them. Unit: that of the score.
 */

import { dispose, expandDims, mul, squeeze, sub, tidy } from "../../tensor.ts";
import { type DeepLiftOptions, ruleOf } from "../gradient/deeplift.ts";
import { convergenceDelta } from "../gradient/integratedGradients.ts";
import type { SiteMethod } from "../method.ts";
import { checkOneSite } from "./layerIntegratedGradients.ts";
import { type LayerOptions, layerOptions } from "./layerMethods.ts";

export const layerDeeplift: SiteMethod<LayerOptions & DeepLiftOptions> = {
  on: "sites",
  usesBaseline: "each",
  draws: false,
  options: [...layerOptions, "rule", "multiplyByInputs", "returnConvergenceDelta"],
  points: () => 1,
  paper: "Shrikumar et al. 2017, arXiv 1704.02685",
  formula: "(a − a′) ⊙ m, m the multipliers at the layer",
  cost: "4 forward, 1 backward for all layers together",
  unit: "that of the score",
  defaults: { rule: "rescale", multiplyByInputs: true, returnConvergenceDelta: false },
  goodFor: "shares of all layers in f(x) − f(x′) from one backward pass, exact at the outputs of blocks",
  badFor: "baselines far from any text; mixtures of experts are refused",

  async run(problem, options) {
    checkOneSite(problem.sites, options.returnConvergenceDelta);
    const { inputs, baseline } = problem.embeddings;
    const multipliers = await problem.multipliers(inputs, baseline.embeddings, ruleOf(options));
    const read = async (point: typeof inputs) => {
      const points = tidy(() => point.map((x_SD) => expandDims(x_SD, 0)));
      const activations = await problem.activations(points);
      dispose(points);
      return activations;
    };
    const [here, there] = [await read(inputs), await read(baseline.embeddings)];
    const attributions = tidy(() =>
      multipliers.map((m_NSD, i) => {
        if (!(options.multiplyByInputs ?? true)) return m_NSD;
        return mul(m_NSD, squeeze(sub(here[i] ?? m_NSD, there[i] ?? m_NSD), [0]));
      }),
    );
    if (!options.returnConvergenceDelta) return { attributions };
    const deltas = await convergenceDelta(problem.embeddings, attributions, inputs, baseline.embeddings);
    return { attributions, deltas };
  },
};
