/**
 * The beginning that perturbed texts share with the text itself: up to the first changed position a causal decoder computes the
 * same keys and values for all of them, so that they are computed once, when they are first needed.
 */

import { KeyValueCache, type Past } from "../../model/cache.ts";
import { tidy } from "../../tensor.ts";

export interface SharedBeginning {
  /** The keys and values of the first positions, for so many rows. */
  past(positions: number, rows: number): Past;
  dispose(): void;
}

/** @param run a pass of the text itself as the only row, which fills the cache */
export function sharedBeginning(run: (cache: Past) => void): SharedBeginning {
  let whole: KeyValueCache | undefined;
  const compute = (): KeyValueCache => {
    const cache = new KeyValueCache();
    try {
      tidy(() => {
        run(cache);
      });
    } catch (error) {
      cache.dispose();
      throw error;
    }
    return cache;
  };
  return {
    past(positions, rows) {
      whole ??= compute();
      return whole.beginning(positions, rows);
    },
    dispose() {
      whole?.dispose();
      whole = undefined;
    },
  };
}
