/**
 * Saliency (Simonyan, Vedaldi and Zisserman 2014, arXiv 1312.6034): |∂f/∂x|, or ∂f/∂x with `abs: false`.
 * Cost: one forward and one backward pass.
 */

import { abs } from "../tensor.ts";
import { here } from "./path.ts";
import type { Answer, Problem } from "./problem.ts";

export interface SaliencyOptions {
  /** Absolute values of the gradient, element by element. */
  readonly abs?: boolean;
}

export async function saliency(problem: Problem, options: SaliencyOptions = {}): Promise<Answer> {
  const gradients = await problem.gradient(here(problem));
  return { attributions: (options.abs ?? true) ? gradients.map(abs) : gradients };
}
