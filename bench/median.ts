/** Timing: warm, several runs, the median; machines are shared, and the best or the mean would say more about the others. */

/** Seconds of the clock on the wall. */
const wall = (): number => performance.now() / 1000;
/** Seconds of the processor that this process has used. */
export function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Median seconds of a run, of at least `runs` runs and at least half a second after two that are not counted. */
export function medianSeconds(run: () => void, clock = wall, runs = 9): number {
  run();
  run();
  const times: number[] = [];
  const start = performance.now();
  while (times.length < runs || (performance.now() - start < 500 && times.length < 1000)) {
    const before = clock();
    run();
    times.push(clock() - before);
  }
  return median(times);
}

/** The middle of the values; the lower of the two middle ones when their number is even. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;
}
