/** How commands put numbers into sentences. */

/** Since a time of `performance.now()`: `1.25 s` */
export function secondsSince(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(2)} s`;
}

/** `1 text`, `2 texts` */
export function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}
