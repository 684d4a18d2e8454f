/** Rows in passes that memory has room for. */

import { fewerRows } from "./budget.ts";

/**
 * What each of some rows gives, in as many passes as the budget wants, or more, where a row asks for another one.
 * @param size the most rows of a pass; fewer from now on, when as many run out of memory
 * @param together how many rows from one on share a pass, if there is room for them
 * @throws MemoryError when one row does not fit
 */
export async function inPasses<One, Result>(
  all: readonly One[],
  size: { rows: number },
  run: (some: readonly One[]) => Promise<Result[]>,
  together: (from: number) => number = () => all.length,
): Promise<Result[]> {
  const results: Result[] = [];
  while (results.length < all.length) {
    const some = all.slice(results.length, results.length + Math.min(size.rows, together(results.length)));
    try {
      results.push(...(await run(some)));
    } catch (error) {
      size.rows = fewerRows(error, some.length);
    }
  }
  return results;
}
