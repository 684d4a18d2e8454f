/** From the scores of players to those of their tokens. */

import { NumericError } from "../../errors.ts";
import type { PlayerScores } from "../../method/perturbation/game.ts";
import type { Scores } from "../../result/attribution.ts";
import type { Sequence } from "../sequence.ts";
import { type OutputSpans, stepsOf, targetRows, tokensSeen } from "../steps.ts";
import type { PlayedInput, Player } from "./players.ts";

/**
 * Scores [S, G] of an input's tokens: each has its share of its player's score. Source tokens are seen by all steps, target
 * tokens by later ones only: the others have none, NaN.
 * @throws NumericError when a score is not finite
 */
export function tokenScores(
  sequence: Sequence,
  output: OutputSpans | null,
  { encoding }: PlayedInput,
  input: number,
  players: readonly Player[],
  scores: PlayerScores,
  isSource: boolean,
): Scores {
  const steps = stepsOf(sequence, output);
  const G = steps.length;
  const S = isSource ? encoding.ids.length : targetRows(sequence, output);
  const values = new Float32Array(S * G);
  const visible = (token: number, g: number): boolean => isSource || token < tokensSeen(sequence, steps[g] ?? []);
  for (let g = 0; g < G; g++) {
    for (let token = 0; token < S; token++) values[token * G + g] = visible(token, g) ? 0 : Number.NaN;
    for (const [p, player] of players.entries()) {
      if (player.input !== input) continue;
      const seen = player.tokens.filter((token) => visible(token, g));
      const score = scores[g]?.[p] ?? Number.NaN;
      if (seen.length > 0 && !Number.isFinite(score)) {
        throw new NumericError(
          `expected finite scores, received ${score} first for token ${seen[0]} at generation step ${g}; check the ` +
            "model's weights for overflow",
        );
      }
      for (const token of seen) values[token * G + g] = score / seen.length;
    }
  }
  return { shape: [S, G], values };
}
