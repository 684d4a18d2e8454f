/**
 * Shapley values by sampling orders (Castro, Gómez and Tejada 2009, "Polynomial calculation of the Shapley value based on
 * sampling"; Štrumbelj and Kononenko 2010):
 *
 *   φ_i ≈ mean over random orders of v(those before i, and i) − v(those before i).
 *
 * Each order is walked forwards and backwards (antithetic sampling, Mitchell et al. 2022, arXiv 2104.12199), which cancels
 * what is linear in the order. Scores of a step add up to v(everyone) − v(nobody) exactly, however few samples there are.
 * A random order of all players is a random order of those that a step sees, so all steps share the samples. Cost: nSamples
 * × players forward passes. Unit: that of the score.
 */

import type { Random } from "../../random.ts";
import type { GameMethod } from "../method.ts";
import { checkSamples } from "../samples.ts";
import { type Coalition, everyone, type Game, nobody } from "./game.ts";

export interface ShapleySamplingOptions {
  /** Orders. 25 by default, as in Captum. */
  readonly nSamples?: number;
}

const DEFAULT_SAMPLES = 25;

export const shapleySampling: GameMethod<ShapleySamplingOptions> = {
  on: "players",
  usesBaseline: "each",
  draws: true,
  removal: "replace",
  options: ["nSamples"],
  evaluations: ({ nSamples = DEFAULT_SAMPLES }, { inputs }) =>
    2 + nSamples * Math.max(0, inputs.reduce((total, players) => total + players, 0) - 1),
  paper: "Castro et al. 2009, 10.1016/j.cor.2008.04.004",
  formula: "E[v(before i ∪ i) − v(before i)] over random orders",
  cost: "n_samples × players forward",
  unit: "that of the score",
  defaults: { nSamples: DEFAULT_SAMPLES },
  goodFor: "Shapley values without a model of them; they add up exactly with any number of samples",
  badFor: "long texts: the cost grows with players × samples, the error falls with the square root of samples",

  async run(game, { nSamples = DEFAULT_SAMPLES }) {
    checkSamples(nSamples);
    return await meanGains(game, nSamples, (random) => random.permutation(game.players));
  },
};

/** What players add to those before them, the mean over so many orders: each that is drawn, and its reverse. */
export async function meanGains(
  game: Game,
  nSamples: number,
  draw: (random: Random) => readonly number[],
): Promise<Float64Array[]> {
  const P = game.players;
  const random = game.random();
  const orders: (readonly number[])[] = [];
  while (orders.length < nSamples) {
    const order = draw(random);
    orders.push(order, [...order].reverse());
  }
  orders.length = nSamples;
  const values = await game.value(orders.flatMap((order) => growing(order)));
  const scores = Array.from({ length: game.steps }, () => new Float64Array(P));
  for (const [o, order] of orders.entries()) {
    for (const [rank, p] of order.entries()) {
      const [before, after] = [values[o * (P + 1) + rank], values[o * (P + 1) + rank + 1]];
      for (const [n, row] of scores.entries()) {
        row[p] = (row[p] ?? 0) + ((after?.[n] ?? 0) - (before?.[n] ?? 0)) / nSamples;
      }
    }
  }
  return scores;
}

/** Nobody, the first, the first two, … everyone. */
function growing(order: readonly number[]): Coalition[] {
  const P = order.length;
  const coalition = nobody({ players: P });
  const coalitions = order.map((p) => {
    const before = coalition.slice();
    coalition[p] = 1;
    return before;
  });
  return [...coalitions, everyone({ players: P })];
}
