/** Sampling: the next token drawn from the distribution that the rules and warpers leave. */

import type { Random } from "../../random.ts";
import { highest } from "./logitsProcessors.ts";

/**
 * A token drawn with probability softmax(scores), by inverting the cumulative distribution in order of ids.
 * @throws OptionError when every token is forbidden
 */
export function drawToken(scores: Float32Array, random: Random): number {
  const top = highest(scores);
  let total = 0;
  for (const score of scores) total += Math.exp(score - top);
  const threshold = random.uniform() * total;
  let sum = 0;
  let last = 0;
  for (let id = 0; id < scores.length; id++) {
    const weight = Math.exp((scores[id] ?? Number.NEGATIVE_INFINITY) - top);
    if (weight === 0) continue;
    sum += weight;
    last = id;
    if (sum > threshold) return id;
  }
  // The threshold lies below the total, but both are rounded sums.
  return last;
}
