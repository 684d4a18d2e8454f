/**
 * Relative position bias (Raffel et al. 2020, arXiv 1910.10683, section 2.1): a learned number per head and bucket of
 * distances, added to the attention scores. Weight `table` [buckets, H].
 *
 * With d = key position − query position, and n buckets (half of them for each direction if `bidirectional`, else all for
 * the past), the first n/2 distances have a bucket of their own; beyond, buckets grow logarithmically up to
 * `maxDistance`, and all farther distances share the last one:
 *
 *   bucket(|d|) = |d|                                                         for |d| < n/2
 *               = min(n − 1, n/2 + ⌊n/2 · ln(|d| / (n/2)) / ln(maxDistance / (n/2))⌋)   else
 */

import { embedding } from "../ops/embedding.ts";
import { expandDims, type LayerVariable, registerLayer, type Tensor, tensor, transpose } from "../tensor.ts";
import { type LayerOptions, TransformerLayer } from "./layer.ts";

export interface RelativePositionsOptions extends LayerOptions {
  readonly heads: number;
  readonly buckets: number;
  readonly maxDistance: number;
  /** Keys may stand after their query, as in an encoder. */
  readonly bidirectional: boolean;
}

export class RelativePositions extends TransformerLayer<RelativePositionsOptions> {
  static readonly className = "RelativePositions";
  readonly #table: LayerVariable;

  constructor(options: RelativePositionsOptions) {
    super(options);
    this.#table = this.parameter("table", [options.buckets, options.heads]);
  }

  /** [1, H, T, S] for the last T of S positions as queries. */
  bias(T: number, S: number): Tensor {
    const ids = new Int32Array(T * S);
    for (let t = 0; t < T; t++) {
      for (let s = 0; s < S; s++) ids[t * S + s] = relativeBucket(s - (t + S - T), this.options);
    }
    const bias_TSH = embedding(this.#table.read(), tensor(ids, [T, S], "int32"));
    return expandDims(transpose(bias_TSH, [2, 0, 1]), 0);
  }
}
registerLayer(RelativePositions);

/** The bucket of a distance, key position minus query position; 0 ≤ bucket < buckets. */
export function relativeBucket(
  distance: number,
  { buckets, maxDistance, bidirectional }: Omit<RelativePositionsOptions, "name" | "heads">,
): number {
  const perDirection = bidirectional ? Math.floor(buckets / 2) : buckets;
  const offset = bidirectional && distance > 0 ? perDirection : 0;
  const far = bidirectional ? Math.abs(distance) : Math.max(-distance, 0);
  const exact = Math.floor(perDirection / 2);
  if (far < exact) return offset + far;
  // Rounded to single precision at every step, as the reference computes it: distances on the border of two buckets
  // would otherwise fall on the other side.
  const f32 = Math.fround;
  const octaves = f32(f32(Math.log(f32(far / exact))) / f32(Math.log(maxDistance / exact)));
  const logarithmic = exact + Math.trunc(f32(octaves * (perDirection - exact)));
  return offset + Math.min(logarithmic, perDirection - 1);
}
