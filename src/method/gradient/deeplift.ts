/**
 * DeepLIFT (Shrikumar, Greenside and Kundaje 2017, arXiv 1704.02685): (x − x') ⊙ m, with m the multipliers between input and
 * baseline (`ops/multipliers.ts`).
 *
 * `rule: "rescale"` (default) has a rule for every operation of our models: activations, gated units, softmax, attention,
 * norms, products. Summation-to-delta holds without any approximation: the scores of a step add up to f(x) − f(x') to
 * float32's accuracy. `rule: "inseq"` is what Captum and Inseq compute: gradients at the input, but for ReLU, tanh and
 * sigmoid where PyTorch's model has them as modules; for most Transformers that is the plain gradient, and does not add up.
 *
 * Mixtures of experts are refused: input and baseline may go to different experts. Cost: two forward passes and one
 * backward pass. Unit: that of the score.
 */

import { knownName } from "../../names.ts";
import { mul, tidy } from "../../tensor.ts";
import type { EmbeddingMethod } from "../method.ts";
import { multiplierRules } from "../problem.ts";
import { convergenceDelta } from "./integratedGradients.ts";
import { difference } from "./path.ts";

export interface DeepLiftOptions {
  /** `rescale`, or what Inseq computes. */
  readonly rule?: (typeof multiplierRules)[number];
  /** Without it the result is the multipliers. */
  readonly multiplyByInputs?: boolean;
  /** Add the step score `deltas`: Σ attributions − (f(x) − f(x')). */
  readonly returnConvergenceDelta?: boolean | "inseq";
}

/** @throws OptionError when the rule is unknown */
export const ruleOf = ({ rule = "rescale" }: DeepLiftOptions) => knownName("rule of DeepLIFT", rule, multiplierRules);

export const deeplift: EmbeddingMethod<DeepLiftOptions> = {
  on: "embeddings",
  usesBaseline: "each",
  draws: false,
  smoothable: true,
  options: ["rule", "multiplyByInputs", "returnConvergenceDelta"],
  points: () => 1,
  paper: "Shrikumar et al. 2017, arXiv 1704.02685",
  formula: "(x − x′) ⊙ m, m the multipliers of the rescale rule: Σ m ⊙ Δx = Δf",
  cost: "2 forward, 1 backward",
  unit: "that of the score",
  defaults: { rule: "rescale", multiplyByInputs: true, returnConvergenceDelta: false },
  goodFor: "adding up to f(x) − f(x′) to float32's accuracy in one backward pass, where integrated gradients need many",
  badFor:
    "finding one word among those that only together say something: the last word of a prompt, which asks, gets about half; mixtures of experts are refused",

  async run(problem, options) {
    const { inputs, baseline } = problem;
    const multipliers = await problem.multipliers(inputs, baseline.embeddings, ruleOf(options));
    const attributions = tidy(() => {
      if (!(options.multiplyByInputs ?? true)) return multipliers;
      const moved = difference(problem);
      return multipliers.map((m_NSD, i) => mul(m_NSD, moved[i] ?? m_NSD));
    });
    return options.returnConvergenceDelta
      ? { attributions, deltas: await convergenceDelta(problem, attributions, inputs, baseline.embeddings) }
      : { attributions };
  },
};
