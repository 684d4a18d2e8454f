/** A method relative to several baselines: the mean of its answers relative to each. */

import { add, dispose, div, scalar, type Tensor, tidy } from "../tensor.ts";
import type { Answer, Problem } from "./problem.ts";

type Solve = (problem: Problem) => Promise<Answer>;

/** The method that solves the problem once for each of its baselines and averages. */
export function averagedOverBaselines(solve: Solve): Solve {
  return async (problem) => {
    const { references } = problem;
    if (references.length === 1) return await solve(problem);
    let total: readonly Tensor[] = [];
    let inputs = 0;
    for (const baseline of references) {
      const { attributions, deltas } = await solve({ ...problem, baseline, references: [baseline] });
      inputs = attributions.length;
      const parts = deltas ? [...attributions, deltas] : attributions;
      const before = total;
      total = tidy(() => parts.map((part, i) => add(before[i] ?? scalar(0), part)));
      dispose([...before, ...parts]);
    }
    const [...means] = tidy(() => total.map((sum) => div(sum, scalar(references.length))));
    dispose([...total]);
    return { attributions: means.slice(0, inputs), deltas: means[inputs] };
  };
}
