/** Two lists of scores that should be the same but for rounding. */

import { expect } from "vitest";

/** Differences are at most `tolerance` times the largest expected magnitude; NaN equals only NaN. */
export function closeScores(received: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(received.length).toBe(expected.length);
  const largest = Math.max(...expected.filter(Number.isFinite).map(Math.abs), 1e-12);
  let worst = { index: -1, error: 0 };
  for (const [index, value] of expected.entries()) {
    const actual = received[index] ?? Number.POSITIVE_INFINITY;
    const error = Number.isNaN(value) && Number.isNaN(actual) ? 0 : Math.abs(actual - value);
    if (!(error <= worst.error)) worst = { index, error: Number.isNaN(error) ? Number.POSITIVE_INFINITY : error };
  }
  const { index, error } = worst;
  const place = `worst at ${index}: ${received[index]} instead of ${expected[index]}, largest ${largest}`;
  expect(error <= tolerance * largest, place).toBe(true);
}
