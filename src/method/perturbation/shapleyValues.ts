/**
 * Shapley values (Shapley 1953, "A value for n-person games"), exactly, by trying every coalition:
 *
 *   φ_i = Σ over S without i of |S|! (P − |S| − 1)! / P! · (v(S ∪ i) − v(S)).
 *
 * They add up to v(everyone) − v(nobody); players that contribute alike get the same; those that change nothing get 0. Cost:
 * 2^P forward passes, so for few players only: words or sentences of a short text. Unit: that of the score.
 */

import { OptionError } from "../../errors.ts";
import type { GameMethod } from "../method.ts";
import { type Coalition, everyone, type Game, nobody } from "./game.ts";

/** 2^16 coalitions are the most that anyone would wait for. */
const MOST_PLAYERS = 16;

export const shapleyValues: GameMethod<object> = {
  on: "players",
  usesBaseline: "each",
  draws: false,
  removal: "replace",
  options: [],
  evaluations: (_options, { inputs }) => 2 ** checkedPlayers(inputs),
  paper: "Shapley 1953, Contributions to the Theory of Games II",
  formula: "Σ_S |S|! (P − |S| − 1)! / P! · (v(S ∪ i) − v(S))",
  cost: "2^players forward",
  unit: "that of the score",
  defaults: {},
  goodFor: "exact Shapley values of a few words, sentences or documents",
  badFor: "more than 16 players",

  async run(game) {
    const P = checkedPlayers(game.inputs);
    const values = await game.value(Array.from({ length: 2 ** P }, (_, bits) => coalitionOf(bits, P)));
    const weights = sizeWeights(P);
    const scores = Array.from({ length: game.steps }, () => new Float64Array(P));
    for (const [bits, before] of values.entries()) {
      const weight = weights[countBits(bits)] ?? 0;
      for (let p = 0; p < P; p++) {
        const after = bits & (1 << p) ? undefined : values[bits | (1 << p)];
        if (after === undefined) continue;
        for (const [n, row] of scores.entries()) row[p] = (row[p] ?? 0) + weight * ((after[n] ?? 0) - (before[n] ?? 0));
      }
    }
    return scores;
  },
};

/** @throws OptionError when there are too many players to try all coalitions */
function checkedPlayers(inputs: readonly number[]): number {
  const P = inputs.reduce((total, players) => total + players, 0);
  if (P <= MOST_PLAYERS) return P;
  throw new OptionError(
    `shapley_values: expected at most ${MOST_PLAYERS} players (all 2^players coalitions are tried), received ${P}; take ` +
      'larger ones (players: "word", "sentence" or spans), or shapley_value_sampling',
  );
}

/** Player p is kept where bit p is set. */
export const coalitionOf = (bits: number, P: number): Coalition =>
  Uint8Array.from({ length: P }, (_, p) => (bits >>> p) & 1);

/** |S|! (P − |S| − 1)! / P! = 1 / (P · C(P − 1, |S|)) for each size of S < P. */
function sizeWeights(P: number): number[] {
  const weights: number[] = [];
  let choices = 1;
  for (let size = 0; size < P; size++) {
    weights.push(1 / (P * choices));
    choices = (choices * (P - 1 - size)) / (size + 1);
  }
  return weights;
}

function countBits(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest >>>= 1) count += rest & 1;
  return count;
}

/** v_n(everyone) − v_n(nobody), what Shapley values add up to, with v_n(nobody): [N] each. */
export async function ends(game: Game): Promise<{ whole: Float64Array; empty: Float64Array }> {
  const [whole = new Float64Array(), empty = new Float64Array()] = await game.value([everyone(game), nobody(game)]);
  return { whole, empty };
}
