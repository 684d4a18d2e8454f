/**
 * Building the score arrays of a sequence on the host, chunk of steps by chunk of steps.
 *
 * Letters: S attributed tokens, G steps, D model width, N steps of a chunk.
 */

import { MemoryError, NumericError } from "../../errors.ts";
import type { Scores } from "../../result/attribution.ts";

export interface ScoreGrid {
  /**
   * Writes the scores [N, S', D] of the steps from ≤ g, S' ≤ S positions. `sums` [N, S'] are those over the width where scores
   * are no longer what adds up.
   */
  write(from: number, chunk: Scores, sums?: Float32Array): void;
  readonly scores: Scores;
  /** [G] What the scores of each step add up to. */
  readonly totals: Float64Array;
}

/**
 * An empty grid [S, G, D], NaN wherever `visible(g)` ends: step g attributes the first `visible(g)` tokens only.
 * @throws MemoryError when there are too many scores for an array
 * @throws NumericError from `write` when a score is not finite, naming the first place
 */
export function createGrid(
  name: string,
  size: { S: number; G: number; D: number },
  visible: (step: number) => number,
): ScoreGrid {
  const { S, G, D } = size;
  const values = emptyScores(name, size);
  const totals = new Float64Array(G);
  return {
    scores: { shape: [S, G, D], values },
    totals,
    write(from, { shape: [N = 0, positions = 0], values: chunk }, sums) {
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
          const sum = sums === undefined ? total(cell) : (sums[n * positions + i] ?? Number.NaN);
          totals[from + n] = (totals[from + n] ?? 0) + sum;
        }
      }
    },
  };
}

function emptyScores(name: string, { S, G, D }: { S: number; G: number; D: number }): Float32Array {
  try {
    return new Float32Array(S * G * D).fill(Number.NaN);
  } catch (cause) {
    const gigabytes = ((S * G * D * 4) / 1e9).toFixed(1);
    throw new MemoryError(
      `${name} attributions: expected scores that fit into an array, received ${S} tokens × ${G} steps × width ${D} ` +
        `(${gigabytes} GB); give widthReduction: "vnorm" or "sum", which keeps one number of each ${D}`,
      { cause },
    );
  }
}

/** A loop: there are millions of numbers, and calling a function for each takes longer than a layer of the model. */
function allFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}

function total(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return sum;
}
