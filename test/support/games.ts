/** Games that are known: no model is involved. */

import { expect } from "vitest";
import type { Coalition, Game, PlayerScores } from "../../src/method/perturbation/game.ts";
import { Random } from "../../src/random.ts";

export type Value = (coalition: Coalition) => number;

/** A game of one input whose steps have these values and see all players. */
export function gameOf(players: number, values: readonly Value[], seed = 0): Game {
  const value: Game["value"] = async (coalitions) =>
    coalitions.map((coalition) => Float64Array.from(values, (of) => of(coalition)));
  return {
    steps: values.length,
    players,
    inputs: [players],
    sizes: new Array(players).fill(1),
    tree: Array.from({ length: players }, (_, p) => p),
    sees: () => true,
    value,
    async derivative() {
      throw new Error("a table of values has no derivatives");
    },
    redrawnValues: (rows) => value(rows.map(({ kept }) => kept)),
    redrawnRanks: async (rows) => rows.map(() => 0),
    note(text) {
      throw new Error(`nothing to note was expected, received "${text}"`);
    },
    random: (stream) => new Random(seed, stream),
  };
}

export const bitsOf = (coalition: Coalition): number => coalition.reduce((bits, kept, p) => bits + kept * 2 ** p, 0);

/** A value for each coalition, by its bits. */
export const lookUp =
  (table: readonly number[]): Value =>
  (coalition) =>
    table[bitsOf(coalition)] ?? Number.NaN;

export function near(actual: PlayerScores, expected: readonly (readonly number[])[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  for (const [n, row] of expected.entries()) {
    expect(actual[n]?.length).toBe(row.length);
    for (const [p, score] of row.entries()) {
      expect(Math.abs((actual[n]?.[p] ?? Number.NaN) - score), `step ${n}, player ${p}`).toBeLessThanOrEqual(tolerance);
    }
  }
}
