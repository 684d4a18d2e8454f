/**
 * Input × gradient (Shrikumar et al. 2016, arXiv 1605.01713): x ⊙ ∂f/∂x, with x the scaled token embedding.
 * Cost: one forward and one backward pass. Unit: that of the score.
 */

import { mul } from "../../tensor.ts";
import type { EmbeddingMethod } from "../method.ts";
import { here } from "./path.ts";

export const inputXGradient: EmbeddingMethod<object> = {
  on: "embeddings",
  usesBaseline: false,
  draws: false,
  smoothable: true,
  options: [],
  points: () => 1,
  paper: "Shrikumar et al. 2016, arXiv 1605.01713",
  formula: "x ⊙ ∂f/∂x",
  cost: "1 forward, 1 backward",
  unit: "that of the score",
  defaults: {},
  goodFor: "signed scores at the price of one gradient; exact where the model is linear in its input",
  badFor:
    "saturated or strongly curved models, where one gradient says little about the whole way; it has no baseline to compare with",

  async run(problem) {
    const gradients = await problem.gradient(here(problem));
    return { attributions: gradients.map((gradient_NSD, i) => mul(gradient_NSD, problem.inputs[i] ?? gradient_NSD)) };
  },
};
