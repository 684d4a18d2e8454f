/**
 * Input × gradient (Shrikumar et al. 2016, arXiv 1605.01713): x ⊙ ∂f/∂x, with x the scaled token embedding.
 * Cost: one forward and one backward pass.
 */

import { mul } from "../tensor.ts";
import { here } from "./path.ts";
import type { Answer, Problem } from "./problem.ts";

export async function inputXGradient(problem: Problem): Promise<Answer> {
  const gradients = await problem.gradient(here(problem));
  return { attributions: gradients.map((gradient_NSD, i) => mul(gradient_NSD, problem.inputs[i] ?? gradient_NSD)) };
}
