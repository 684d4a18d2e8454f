/**
 * Embeddings whose elements are kept at random, and how far the next-token distributions move: what the soft metrics ask.
 *
 * Letters: K rows, N steps, S positions of an input, D model width, V vocabulary.
 */

import { chunks } from "../attribution/gradient/problem.ts";
import type { Runner } from "../attribution/runner/runner.ts";
import type { Random } from "../random.ts";
import {
  dispose,
  expandDims,
  mul,
  readFloats,
  reshape,
  softmax,
  sqrt,
  square,
  stack,
  sub,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "../tensor.ts";

/** For one row: of each input the probability with which elements of a token's embedding are kept, [S]. */
export type KeptShares = readonly Float64Array[];

export interface ThinningOptions {
  readonly positions_N: readonly number[];
  /** The most rows of a pass. */
  readonly rows: number;
  readonly random: (row: number, input: number) => Random;
  readonly onPass: (rows: number) => Promise<void>;
}

/** Σ_v (√p_v − √q_v)² at each step, for each row [K][N]; p is of the inputs as they are. */
export async function thinnedDistances(
  runner: Runner,
  kept: readonly KeptShares[],
  { positions_N, rows, random, onPass }: ThinningOptions,
): Promise<Float64Array[]> {
  const N = positions_N.length;
  const length = Math.max(...positions_N) + 1;
  const distances: Float64Array[] = [];
  const roots = (points: readonly Tensor[], K: number): Tensor => {
    const logits_RV = runner.logitsAtAll(points, positions_N);
    return reshape(sqrt(softmax(logits_RV, -1)), [K, N, logits_RV.shape[1] ?? 0]);
  };
  const whole_1NV = tidy(() =>
    roots(
      runner.inputs(length).map((x_SD) => expandDims(x_SD, 0)),
      1,
    ),
  );
  try {
    for (const [from, to] of chunks(kept.length, rows)) {
      const distances_KN = tidy(() => {
        const points = runner.inputs(length).map((x_SD, input) => {
          const masks = kept.slice(from, to).map((row, k) => mask(x_SD.shape, row[input], random(from + k, input)));
          return mul(x_SD, stack(masks, 0));
        });
        return sum(square(sub(roots(points, to - from), whole_1NV)), -1);
      });
      const values = await readFloats(distances_KN);
      dispose(distances_KN);
      for (let k = 0; k < to - from; k++) distances.push(Float64Array.from(values.subarray(k * N, (k + 1) * N)));
      await onPass(to - from);
    }
  } finally {
    dispose(whole_1NV);
  }
  return distances;
}

/** 1 with the probability of each token, else 0: [S, D]. */
function mask([S = 0, D = 0]: readonly number[], kept: Float64Array | undefined, random: Random): Tensor {
  const values = new Float32Array(S * D);
  for (let s = 0; s < S; s++) {
    const share = kept?.[s] ?? 1;
    for (let d = 0; d < D; d++) values[s * D + d] = random.uniform() < share ? 1 : 0;
  }
  return tensor(values, [S, D]);
}
