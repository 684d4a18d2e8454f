/** Greedy search: the likeliest next token, always. */

import { highest } from "./logitsProcessors.ts";

/**
 * The index of the highest score, the first of several.
 * @throws OptionError when every token is forbidden
 */
export function likeliestToken(scores: Float32Array): number {
  return scores.indexOf(highest(scores));
}
