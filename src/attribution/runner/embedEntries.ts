/** Embeddings of token ids, and of what stands for them in a baseline. */

import {
  add,
  concat,
  dispose,
  div,
  int32,
  mul,
  reshape,
  scalar,
  squeeze,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "../../tensor.ts";
import type { BaselineEntry } from "../texts/baseline.ts";

/** A table of embeddings. */
export interface Lookup {
  /** Scaled embeddings [1, S, D] of int32 ids [1, S]. */
  embed(ids_1S: Tensor): Tensor;
  /** V: ids are from 0 to V − 1. */
  readonly vocabSize: number;
}

/** Embeddings of the entries, [S, D]. */
export function embedEntries(lookup: Lookup, entries: readonly BaselineEntry[]): Tensor {
  return tidy(() => {
    const ids = entries.map((entry) => (typeof entry === "number" ? entry : 0));
    const tokens_SD = embedIds(lookup, ids);
    if (entries.every((entry) => typeof entry === "number")) return tokens_SD;
    const kept_SD = mul(
      tokens_SD,
      indicator(entries, (entry) => typeof entry === "number"),
    );
    if (!entries.includes("mean")) return kept_SD;
    return add(
      kept_SD,
      mul(
        indicator(entries, (entry) => entry === "mean"),
        meanEmbedding(lookup),
      ),
    );
  });
}

/** [S, 1]: 1 where the test holds, else 0. */
function indicator(entries: readonly BaselineEntry[], test: (entry: BaselineEntry) => boolean): Tensor {
  return tensor(
    entries.map((entry) => (test(entry) ? 1 : 0)),
    [entries.length, 1],
  );
}

/** Scaled embeddings of token ids, [S, D]. */
export function embedIds({ embed }: Lookup, ids: readonly number[]): Tensor {
  return tidy(() => squeeze(embed(int32(ids, [1, ids.length])), [0]));
}

/** Rows of the table that are summed at a time. */
const ROWS = 4096;

/** The mean of all embeddings, [1, D]. */
function meanEmbedding(lookup: Lookup): Tensor {
  const parts: Tensor[] = [];
  for (let from = 0; from < lookup.vocabSize; from += ROWS) {
    const ids = Array.from({ length: Math.min(ROWS, lookup.vocabSize - from) }, (_, i) => from + i);
    parts.push(tidy(() => sum(embedIds(lookup, ids), 0, true)));
  }
  const mean_1D = tidy(() => div(sum(concat(parts, 0), 0), scalar(lookup.vocabSize)));
  dispose(parts);
  return reshape(mean_1D, [1, mean_1D.size]);
}
