/**
 * Building the score arrays of a sequence on the host, chunk of steps by chunk of steps.
 *
 * Letters: S attributed tokens, G steps, D model width, N steps of a chunk.
 */

import { NumericError } from "../errors.ts";
import type { Scores } from "../result/attribution.ts";

export interface ScoreGrid {
  /** Writes the scores [N, S', D] of the steps from ≤ g, S' ≤ S positions. */
  write(from: number, chunk: Scores): void;
  readonly scores: Scores;
}

/**
 * An empty grid [S, G, D], NaN wherever `visible(g)` ends: step g attributes the first `visible(g)` tokens only.
 * @throws NumericError from `write` when a score is not finite, naming the first place
 */
export function createGrid(
  name: string,
  size: { S: number; G: number; D: number },
  visible: (step: number) => number,
): ScoreGrid {
  const { S, G, D } = size;
  const values = new Float32Array(S * G * D).fill(Number.NaN);
  return {
    scores: { shape: [S, G, D], values },
    write(from, { shape: [N = 0, positions = 0], values: chunk }) {
      for (let n = 0; n < N; n++) {
        const tokens = Math.min(visible(from + n), positions);
        for (let i = 0; i < tokens; i++) {
          const cell = chunk.subarray((n * positions + i) * D, (n * positions + i + 1) * D);
          if (!allFinite(cell)) {
            throw new NumericError(
              `expected finite scores, received ${cell.find((x) => !Number.isFinite(x))} first in the ${name} ` +
                `attributions of token ${i} for generation step ${from + n}; check the model's weights for overflow`,
            );
          }
          values.set(cell, (i * G + from + n) * D);
        }
      }
    },
  };
}

/** A loop: there are millions of numbers, and calling a function for each takes longer than a layer of the model. */
function allFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}
