/** How long a benchmark will take: an item of each task is measured, and the others are taken to be like it. */

import type { BenchmarkArguments } from "../benchmarkOptions.ts";
import { duration } from "../dataset/rate.ts";
import { type Measured, measure } from "./measure.ts";

/**
 * Measures of each task an item that is not done, which is done then.
 * @returns what is left and how long it will take; null where nothing is
 */
export async function timeLeft(works: readonly Measured[], args: BenchmarkArguments): Promise<string | null> {
  let [seconds, explanations] = [0, 0];
  for (const work of works) {
    const left = unfinished(work);
    // With all methods, quick and slow ones, if there is one.
    const probe = left.find(({ methods }) => methods === work.asked.length) ?? left[0];
    if (probe === undefined) continue;
    const started = performance.now();
    await measure(work, args, (item) => item === probe.item);
    const perSize = (performance.now() - started) / 1000 / probe.size;
    const others = unfinished(work);
    seconds += perSize * others.reduce((sum, { size }) => sum + size, 0);
    explanations += others.reduce((sum, { methods }) => sum + methods, 0);
  }
  return explanations === 0 ? null : `${explanations} explanations to go, about ${duration(seconds)}`;
}

interface Unfinished {
  readonly item: number;
  /** How many of them it lacks. */
  readonly methods: number;
  /** What the time is taken to be in proportion to: characters × methods. */
  readonly size: number;
}

function unfinished({ open: { task, items }, asked, journal }: Measured): Unfinished[] {
  const gone = new Set(journal.leftOut(task.name).map(({ method }) => method));
  return items.flatMap(({ input }, item): Unfinished[] => {
    const methods = asked.filter(({ name }) => !gone.has(name) && !journal.has(task.name, item, name)).length;
    return methods === 0 ? [] : [{ item, methods, size: input.length * methods }];
  });
}
