/**
 * The words of a vocabulary and their nearest neighbours, found on the device when they are asked for.
 *
 * A method that walks along words visits some hundreds of them, so the neighbours of those are found and not a graph of the
 * whole vocabulary. What was found is kept as long as the model itself: weights do not change, so it cannot go stale, and
 * nothing is written to files, where it could be mistaken for that of other weights of the same name.
 */

import type { Words } from "../../method/problem.ts";
import {
  dispose,
  matMul,
  mul,
  readFloats,
  scalar,
  square,
  sub,
  sum,
  type Tensor,
  tidy,
  topk,
  transpose,
} from "../../tensor.ts";
import { embedIds, type Lookup } from "./embedEntries.ts";

/** Rows of the table that distances are computed to at a time. */
const ROWS = 4096;
/** float32 distances may exchange words that are equally near: some more are taken, and sorted by exact distances. */
const MARGIN = 8;

/** Of each table: an id's neighbours, as many as were asked for. */
const found = new WeakMap<object, Map<string, readonly number[]>>();

/**
 * @param owner the table's owner, while which lives its neighbours are remembered
 * @param side which of the owner's tables, if it has two
 */
export function createWords(
  owner: object,
  side: string,
  lookup: Lookup,
  ids: readonly number[],
  special: ReadonlySet<number>,
): Words {
  const known = found.get(owner) ?? new Map<string, readonly number[]>();
  found.set(owner, known);
  const key = (id: number, k: number): string => `${side} ${k} ${id}`;
  return {
    ids,
    isSpecial: (id) => special.has(id),
    vectors: (wanted) => vectors(lookup, wanted),
    async neighbours(wanted, k) {
      const missing = [...new Set(wanted)].filter((id) => !known.has(key(id, k)));
      const lists = missing.length > 0 ? await nearest(lookup, missing, k) : [];
      for (const [i, id] of missing.entries()) known.set(key(id, k), lists[i] ?? []);
      return wanted.map((id) => known.get(key(id, k)) ?? []);
    },
  };
}

async function vectors(lookup: Lookup, ids: readonly number[]): Promise<Float32Array[]> {
  if (ids.length === 0) return [];
  const x_ID = embedIds(lookup, ids);
  const D = x_ID.shape[1] ?? 0;
  const numbers = await readFloats(x_ID);
  dispose(x_ID);
  return ids.map((_, i) => numbers.subarray(i * D, (i + 1) * D));
}

/** The k tokens whose embeddings are nearest to each query's, nearest first, the query itself left out. */
async function nearest(lookup: Lookup, queries: readonly number[], k: number): Promise<number[][]> {
  const candidates = queries.map((): number[] => []);
  const query_QD = embedIds(lookup, queries);
  for (let from = 0; from < lookup.vocabSize; from += ROWS) {
    const rows = Array.from({ length: Math.min(ROWS, lookup.vocabSize - from) }, (_, i) => from + i);
    const taken = Math.min(rows.length, k + 1 + MARGIN);
    const indices = tidy(() => topk(nearness(query_QD, embedIds(lookup, rows)), taken).indices);
    for (const [i, index] of (await readFloats(indices)).entries()) {
      const q = Math.floor(i / taken);
      if (from + index !== queries[q]) candidates[q]?.push(from + index);
    }
    dispose(indices);
  }
  dispose(query_QD);
  const all = [...new Set([...queries, ...candidates.flat()])];
  const of = new Map((await vectors(lookup, all)).map((vector, i) => [all[i], vector]));
  return queries.map((query, q) => {
    const x = of.get(query) ?? new Float32Array();
    const squared = (id: number): number =>
      (of.get(id) ?? x).reduce((total, value, d) => total + (value - (x[d] ?? 0)) ** 2, 0);
    return (candidates[q] ?? [])
      .map((id) => ({ id, squared: squared(id) }))
      .sort((a, b) => a.squared - b.squared || a.id - b.id)
      .slice(0, k)
      .map(({ id }) => id);
  });
}

/** −‖q − e‖² + ‖q‖² = 2 q·e − ‖e‖² for each query and row, [Q, E]: in the order of nearness. */
function nearness(query_QD: Tensor, rows_ED: Tensor): Tensor {
  const product_QE = matMul(query_QD, transpose(rows_ED));
  return sub(mul(scalar(2), product_QE), sum(square(rows_ED), 1));
}
