/** Scores of each layer for every pair of query and key, and how they are laid out as a result. */

import type { Scores } from "../../result/attribution.ts";

export interface LayerScores {
  readonly keys: number;
  /** One [T, keys] for each layer; NaN at what a causal query does not see. */
  readonly layers: readonly Float32Array[];
}

/** [keys, queries, L] of some queries; NaN at keys beyond those that have scores. */
export function layOutLayers({ keys, layers }: LayerScores, rows: number, queries: readonly number[]): Scores {
  const [G, L] = [queries.length, layers.length];
  const values = new Float32Array(rows * G * L).fill(Number.NaN);
  for (const [layer, scores] of layers.entries()) {
    for (const [g, query] of queries.entries()) {
      for (let key = 0; key < Math.min(rows, keys); key++) {
        values[(key * G + g) * L + layer] = scores[query * keys + key] ?? Number.NaN;
      }
    }
  }
  return { shape: [rows, G, L], values };
}

/** Causal scores [T, T] with NaN at what a query does not see. */
export function causal(scores_TT: Float32Array, T: number): Float32Array {
  return scores_TT.map((score, at) => (at % T > Math.floor(at / T) ? Number.NaN : score));
}
