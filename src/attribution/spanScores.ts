/** The step scores of output spans, from those of their tokens. */

import type { Scores } from "../result/attribution.ts";
import type { Score, ScoreOptions } from "../score/score.ts";
import type { Sequence } from "./sequence.ts";
import { type OutputSpans, stepsOf } from "./steps.ts";

/**
 * Probabilities and what is their inverse multiply: a span's probability is that of all its tokens. All else is added. With the
 * reduction `mean` it is the geometric or the arithmetic mean.
 * @param values of the attributed tokens, [G]
 */
export function scoresOfSpans(
  sequence: Sequence,
  values: Float32Array,
  score: Score,
  options: ScoreOptions,
  output: OutputSpans,
): Scores {
  const multiplies = score.multiplies === true && options.logprob !== true;
  const ofSpan = (tokens: readonly number[]): number => {
    const terms = tokens.map((g) => (multiplies ? Math.log(values[g] ?? Number.NaN) : (values[g] ?? Number.NaN)));
    const total = terms.reduce((sum, term) => sum + term, 0);
    const reduced = output.reduction === "mean" ? total / terms.length : total;
    return multiplies ? Math.exp(reduced) : reduced;
  };
  const spans = stepsOf(sequence, output);
  return { shape: [spans.length], values: Float32Array.from(spans, ofSpan) };
}
