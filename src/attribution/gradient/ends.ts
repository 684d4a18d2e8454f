/** What scores add up to: the attributed function at the inputs and at the baselines. */

import type { Problem } from "../../method/problem.ts";
import { dispose, readFloats, stack, tidy } from "../../tensor.ts";

/** f(x) and f(x′), [G] each: of several baselines the mean, and null for methods without. */
export interface Ends {
  readonly value: Float32Array;
  readonly baseline: Float32Array | null;
}

/** f(x) and the mean of f(x′) at the problem's steps: one forward pass of a row for each, which is not counted. */
export async function readEnds(problem: Problem, usesBaseline: boolean, ends: Ends, from: number): Promise<void> {
  const references = usesBaseline ? problem.references : [];
  const points = tidy(() =>
    problem.inputs.map((x_SD, i) => stack([x_SD, ...references.map(({ embeddings }) => embeddings[i] ?? x_SD)], 0)),
  );
  const values = await readFloats(await problem.value(points));
  dispose(points);
  const N = problem.steps;
  ends.value.set(values.subarray(0, N), from);
  for (let n = 0; n < N && ends.baseline !== null; n++) {
    let total = 0;
    for (let r = 1; r <= references.length; r++) total += values[r * N + n] ?? Number.NaN;
    ends.baseline[from + n] = total / references.length;
  }
}
