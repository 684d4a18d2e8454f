/**
 * ALiBi (Press, Smith and Lewis 2022, arXiv 2108.12409): instead of positions, a penalty on the attention scores that
 * grows with the distance from query to key, at another slope m_h for each head h:
 *
 *   bias[h, t, s] = −m_h (t − s)
 *
 * A softmax does not see what is added to a whole row, so the position of the key alone is enough, as in Hugging Face's
 * models: bias[h, s] = m_h s.
 *
 * For n = 2^k heads the slopes are the geometric series 2^(−8/n), 2^(−16/n), ..., 2^(−8). For other numbers of heads they
 * are those of the next power of two, every second one first (as the authors' code takes them).
 */

import { dims } from "../dims.ts";
import { cast, mul, reshape, type Tensor, tensor } from "../tensor.ts";

/** m_h for each head, in (0, 1). */
export function alibiSlopes(heads: number): number[] {
  const n = 2 ** Math.ceil(Math.log2(heads));
  const series = Array.from({ length: n }, (_, i) => 2 ** ((-8 * (i + 1)) / n));
  if (n === heads) return series;
  const everySecond = (from: number) => series.filter((_, i) => i % 2 === from);
  return [...everySecond(1), ...everySecond(0)].slice(0, heads);
}

/** The bias on the scores of keys at these positions (int32 [B or 1, S]): [B or 1, H, 1, S], from 0 upwards. */
export function alibi(slopes: readonly number[], positions_BS: Tensor): Tensor {
  const { B, S } = dims("alibi: positions", positions_BS, "B S");
  const slopes_H = tensor(Float32Array.from(slopes), [1, slopes.length, 1, 1]);
  return mul(slopes_H, reshape(cast(positions_BS, "float32"), [B, 1, 1, S]));
}
