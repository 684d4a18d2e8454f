/**
 * Saliency (Simonyan, Vedaldi and Zisserman 2014, arXiv 1312.6034): |∂f/∂x|, or ∂f/∂x with `abs: false`.
 * Cost: one forward and one backward pass. Unit: score per unit of the embedding.
 */

import { abs } from "../../tensor.ts";
import type { EmbeddingMethod } from "../method.ts";
import { here } from "./path.ts";

export interface SaliencyOptions {
  /** Absolute values of the gradient, element by element. */
  readonly abs?: boolean;
}

export const saliency: EmbeddingMethod<SaliencyOptions> = {
  on: "embeddings",
  usesBaseline: false,
  draws: false,
  smoothable: true,
  options: ["abs"],
  points: () => 1,
  paper: "Simonyan et al. 2014, arXiv 1312.6034",
  formula: "|∂f/∂x|",
  cost: "1 forward, 1 backward",
  unit: "score per unit of the embedding",
  defaults: { abs: true },
  goodFor: "a first look: the cheapest of all, and where a small change of a word would matter most",
  badFor: "saying for or against (it has no sign), adding up to anything, and models whose gradients have saturated",

  async run(problem, options) {
    const gradients = await problem.gradient(here(problem));
    return { attributions: (options.abs ?? true) ? gradients.map(abs) : gradients };
  },
};
