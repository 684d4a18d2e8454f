/** Sampling: the next token drawn from the distribution that the rules and warpers leave. */

import { highest } from "./logitsProcessors.ts";
import type { Random } from "./random.ts";

/**
 * A token drawn with probability softmax(scores), by inverting the cumulative distribution in order of ids.
 * @throws OptionError when every token is forbidden
 */
export function drawToken(scores: Float32Array, random: Random): number {
  const top = highest(scores);
  const weights = Float64Array.from(scores, (score) => Math.exp(score - top));
  const total = weights.reduce((a, b) => a + b, 0);
  const threshold = random.uniform() * total;
  let sum = 0;
  let last = 0;
  for (const [id, weight] of weights.entries()) {
    if (weight === 0) continue;
    sum += weight;
    last = id;
    if (sum > threshold) return id;
  }
  return last;
}
