/**
 * The engine's side of `Game.derivative`: how the values of all steps begin to change along a direction of the inputs, by one
 * Jacobian-vector product for each direction (`ops/jvp.ts`) where a gradient takes a backward pass for each step.
 *
 * Directions are rows of one pass over copies of the text, which a backend of ours computes once.
 */

import { jvp } from "../../ops/jvp.ts";
import { repeat } from "../../ops/repeat.ts";
import { dispose, expandDims, mul, readFloats, sub, type Tensor, tensor, tidy } from "../../tensor.ts";
import { evenPart } from "../budget.ts";
import { chunks } from "../gradient/problem.ts";
import { inPasses } from "../inPasses.ts";
import type { GameOptions } from "./coalitions.ts";
import type { Kept, Perturbation } from "./perturbedRows.ts";

type Options = Pick<GameOptions, "start" | "end" | "rows" | "steps" | "target" | "onEntry" | "onPass">;

export interface Derivatives {
  /** v_n at the text, [N]. */
  readonly values: Float64Array;
  /** Σ over the tokens of each direction of (x − x') · ∂v_n/∂x, [K][N]. */
  readonly along: readonly Float64Array[];
}

export async function derivatives(
  perturbation: Perturbation,
  directions: readonly Kept[],
  options: Options,
): Promise<Derivatives> {
  const N = options.end - options.start;
  const values = new Float64Array(N);
  const size = { rows: options.rows };
  const run = async (some: readonly Kept[]): Promise<Float64Array[]> => {
    const rows = some.map(() => new Float64Array(N));
    for (const [from, to] of chunks(N, options.steps)) {
      const { value, tangent } = await pass(perturbation, some, from, to, options);
      values.set(value.subarray(0, to - from), from);
      for (const [k, row] of rows.entries()) row.set(tangent.subarray(k * (to - from), (k + 1) * (to - from)), from);
    }
    await options.onPass(some.length);
    return rows;
  };
  const along = await inPasses(directions, size, run, (from) => evenPart(directions.length - from, size.rows));
  return { values, along };
}

/** The steps from ≤ n < to, [K · (to − from)] each, direction by direction. */
async function pass(
  { runner, reference }: Perturbation,
  directions: readonly Kept[],
  from: number,
  to: number,
  { start, target, onEntry }: Options,
): Promise<{ readonly value: Float32Array; readonly tangent: Float32Array }> {
  const [K, steps] = [directions.length, to - from];
  const positions_N = Array.from({ length: steps }, (_, n) => start + from + n - 1);
  const positions_KN = directions.map(() => positions_N);
  const length = Math.max(...positions_N) + 1;
  const { value, tangent } = tidy(() => {
    const inputs = runner.inputs(length);
    const baselines = runner.references(length)[reference]?.embeddings ?? [];
    const points = inputs.map((x_SD) => repeat(expandDims(x_SD, 0), K));
    const tangents = inputs.map((x_SD, i) => {
      const rows = directions.map((direction) => direction[i] ?? new Uint8Array());
      return movement(x_SD, baselines[i] ?? x_SD, rows);
    });
    const values = (...xs: Tensor[]): Tensor => {
      const rows = (): Tensor[] => xs.map((x_KSD) => repeat(x_KSD, steps));
      return target(from, to).score(runner.logitsAtEach(xs, positions_KN), K, rows);
    };
    return jvp(values, points, tangents, onEntry);
  });
  try {
    return { value: await readFloats(value), tangent: await readFloats(tangent) };
  } finally {
    dispose([value, tangent]);
  }
}

/** x − x' where a direction has a token, zero elsewhere: [K, S, D]; null where no direction has any. */
function movement(x_SD: Tensor, baseline_SD: Tensor, directions: readonly Uint8Array[]): Tensor | null {
  const S = x_SD.shape[0] ?? 0;
  const numbers = directions.flatMap((direction) => [...direction.subarray(0, S)]);
  if (!numbers.includes(1)) return null;
  return mul(tensor(numbers, [directions.length, S, 1]), sub(x_SD, baseline_SD));
}
