/**
 * ALiBi (Press, Smith and Lewis 2022, arXiv 2108.12409): instead of positions, a penalty on the attention scores that
 * grows with the distance from query to key, at another slope m_h for each head h:
 *
 *   bias[h, t, s] = −m_h (t − s)
 *
 * A softmax does not see what is added to a whole row, so the position of the key alone is enough, counted back from the
 * last key: bias[h, s] = m_h (s − (S − 1)). It fits every row of a batch, padded ones too.
 *
 * For n = 2^k heads the slopes are the geometric series 2^(−M/n), 2^(−2M/n), ..., 2^(−M) with M = 8. For other numbers of
 * heads those of the next power of two are taken, every second one first (as the authors' code does it).
 */

import { type Tensor, tensor } from "../tensor.ts";

/** M */
const MAX_EXPONENT = 8;

/** m_h for each head, in (0, 1). */
export function alibiSlopes(heads: number, maxExponent: number = MAX_EXPONENT): number[] {
  const n = 2 ** Math.ceil(Math.log2(heads));
  const series = Array.from({ length: n }, (_, i) => 2 ** ((-maxExponent * (i + 1)) / n));
  if (n === heads) return series;
  const everySecond = (from: number) => series.filter((_, i) => i % 2 === from);
  return [...everySecond(1), ...everySecond(0)].slice(0, heads);
}

/** The bias on the scores of S keys, [1, H, 1, S]; values from −m_h (S − 1) to 0. */
export function alibi(slopes: readonly number[], S: number): Tensor {
  const values = new Float32Array(slopes.length * S);
  for (const [h, slope] of slopes.entries()) {
    for (let s = 0; s < S; s++) values[h * S + s] = slope * (s - (S - 1));
  }
  return tensor(values, [1, slopes.length, 1, S]);
}
