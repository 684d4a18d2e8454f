/** Players in the order of their scores, and coalitions along it. */

import { NumericError } from "../errors.ts";
import { type Coalition, everyone, nobody } from "../method/perturbation/game.ts";
import type { Question } from "./metric.ts";

/** The stream of random numbers that breaks ties. */
const TIES = 0;

/**
 * The players from the highest score to the lowest. Ties are broken at random, from the seed and alike for every metric:
 * the order of the text would favour methods that say nothing about texts that begin with what matters.
 * @throws NumericError when a score is not finite
 */
export function ranking({ scores, random }: Pick<Question, "scores" | "random">): number[] {
  const bad = scores.findIndex((score) => !Number.isFinite(score));
  if (bad >= 0) throw new NumericError(`scores: expected finite numbers, received ${scores[bad]} for player ${bad}`);
  const order = random(TIES).permutation(scores.length);
  return order.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
}

/** Only these players are left. */
export function keeping(question: Pick<Question, "players">, players: readonly number[]): Coalition {
  const coalition = nobody(question);
  for (const player of players) coalition[player] = 1;
  return coalition;
}

/** All players but these are left. */
export function removing(question: Pick<Question, "players">, players: readonly number[]): Coalition {
  const coalition = everyone(question);
  for (const player of players) coalition[player] = 0;
  return coalition;
}

/**
 * How many of `players` stand at each point of a curve: from none to all of them, in at most so many even steps.
 */
export function evenCounts(players: number, steps: number): number[] {
  const counts = Math.min(players, steps);
  return Array.from({ length: counts + 1 }, (_, i) => Math.round((i * players) / counts));
}
