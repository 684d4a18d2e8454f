/** Paths through the space of the inputs. */

import { add, expandDims, mul, reshape, sub, type Tensor, tensor } from "../../tensor.ts";
import type { Path, Problem } from "../problem.ts";

/** The inputs themselves: one point, of weight one. */
export function here({ inputs }: Problem): Path {
  return { length: 1, points: () => inputs.map((x_SD) => expandDims(x_SD, 0)), weights: [1] };
}

/** The straight line x' + α (x − x') at the given α, all inputs moving together. */
export function line({ inputs, baseline }: Problem, nodes: readonly number[], weights: readonly number[]): Path {
  const points = (from: number, to: number): Tensor[] =>
    inputs.map((x_SD, i) => {
      const baseline_SD = baseline.embeddings[i] as Tensor;
      const alpha_K11 = reshape(tensor(nodes.slice(from, to), [to - from]), [to - from, 1, 1]);
      return add(expandDims(baseline_SD, 0), mul(alpha_K11, expandDims(sub(x_SD, baseline_SD), 0)));
    });
  return { length: nodes.length, points, weights };
}

/** x − x' for each input. */
export function difference({ inputs, baseline }: Problem): Tensor[] {
  return inputs.map((x_SD, i) => sub(x_SD, baseline.embeddings[i] as Tensor));
}
