/** Greedy search and sampling: every row goes on by one token until it ends. */

import type { NextLogits } from "./nextLogits.ts";
import { mostSteps, type Row, type SearchHooks } from "./rows.ts";

/**
 * Each row's tokens, its start included, up to and with its EOS.
 * @param choose the next token of row `row` from its scores [V]
 */
export async function tokenByToken(
  model: NextLogits,
  rows: readonly Row[],
  choose: (scores: Float32Array, row: number) => number,
  { onStep, signal }: SearchHooks,
): Promise<number[][]> {
  const sequences = rows.map(({ start }) => [...start]);
  let running = rows.map((row, r) => ({ ...row, r, ids: sequences[r] ?? [] }));
  const maxSteps = mostSteps(rows);
  for (let step = 1; running.length > 0; step++) {
    signal?.throwIfAborted();
    const logits = await model.of(running.map(({ ids }) => ids));
    const goesOn = running.map(({ ids, r, process, maxLength, eos }, i) => {
      const token = choose(process(ids, logits[i] ?? new Float32Array()), r);
      ids.push(token);
      return ids.length < maxLength && !eos.includes(token);
    });
    const kept = running.flatMap((_, i) => (goesOn[i] ? [i] : []));
    running = running.filter((_, i) => goesOn[i]);
    if (running.length > 0) model.keep(kept);
    onStep?.({ step, maxSteps, unfinished: running.length, sequences: sequences.map((ids) => [...ids]) });
  }
  return sequences;
}
