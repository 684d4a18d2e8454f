/**
 * Owen values: Shapley values that respect what belongs together (Owen 1977, "Values of games with a priori unions"; for
 * several levels Winter 1989, "A value for cooperative games with levels structure of cooperation"). Players are grouped in
 * words, words in sentences (`groups`), and
 *
 *   φ_i = mean over the orders in which every group stays together of v(those before i, and i) − v(those before i).
 *
 * So a group is inside or outside as a whole wherever one looks from outside of it, and what a group gets is its own value
 * among its neighbours: scores of a step add up to v(everyone) − v(nobody), and those of a sentence to the sentence's. With
 * one level they are the Shapley values; with a tree of pairs those of SHAP's partition explainer (Lundberg 2020).
 *
 * They are exact where that takes no more forward passes than sampling: a group of m in each place of which the 2^(m−1)
 * sets of its neighbours are tried. Otherwise `nSamples` such orders are drawn, each walked forwards and backwards. Cost:
 * at most nSamples × players forward passes. Unit: that of the score.
 */

import type { Random } from "../../random.ts";
import type { GameMethod } from "../method.ts";
import { checkSamples } from "../samples.ts";
import { type Coalition, type GameSize, nobody, type Tree } from "./game.ts";
import type { Players } from "./perturbation.ts";
import { meanGains } from "./shapleySampling.ts";

export interface OwenOptions {
  /** Orders, if they are sampled. 25 by default. */
  readonly nSamples?: number;
  /**
   * What players are grouped in, from the inside out: `word`, `sentence`, or spans of characters. By default what is larger
   * than the players: tokens are grouped in words and sentences, words in sentences.
   */
  readonly groups?: readonly Players[];
}

const DEFAULT_SAMPLES = 25;

export const owenValues: GameMethod<OwenOptions> = {
  on: "players",
  usesBaseline: "each",
  draws: true,
  removal: "replace",
  options: ["nSamples", "groups"],
  evaluations: (options, size) => Math.min(coalitionsOf(size.tree), sampledEvaluations(options, size)),
  paper: "Owen 1977; Winter 1989; partition values: Lundberg et al., SHAP",
  formula: "E[v(before i ∪ i) − v(before i)] over the orders that keep every group together",
  cost: "n_samples × players forward, or all coalitions of the tree if they are fewer",
  unit: "that of the score",
  defaults: { nSamples: DEFAULT_SAMPLES, groups: "what is larger than the players: word, sentence" },
  goodFor: "scores of tokens, words and sentences that add up to each other, with far fewer passes than Shapley values",
  badFor: "players that work together across groups: only whole groups meet",

  async run(game, options) {
    const { nSamples = DEFAULT_SAMPLES } = options;
    if (coalitionsOf(game.tree) > sampledEvaluations(options, game)) {
      return await meanGains(game, nSamples, (random) => orderOf(game.tree, random));
    }
    const gains = [...gainsOf(game.tree, nobody(game), 1)];
    const values = await game.value(gains.flatMap(({ before, after }) => [before, after]));
    const scores = Array.from({ length: game.steps }, () => new Float64Array(game.players));
    for (const [g, { player, weight }] of gains.entries()) {
      const [before, after] = [values[2 * g], values[2 * g + 1]];
      for (const [n, row] of scores.entries()) {
        row[player] = (row[player] ?? 0) + weight * ((after?.[n] ?? 0) - (before?.[n] ?? 0));
      }
    }
    return scores;
  },
};

/** @throws OptionError when nSamples is no number of orders */
function sampledEvaluations({ nSamples = DEFAULT_SAMPLES }: OwenOptions, { inputs }: GameSize): number {
  checkSamples(nSamples);
  return 2 + nSamples * Math.max(0, inputs.reduce((total, players) => total + players, 0) - 1);
}

/** How many different coalitions the orders of a tree lead through: all, or none, or some of its branches. */
function coalitionsOf(tree: Tree): number {
  if (typeof tree === "number") return 2;
  const inside = tree.reduce<number>((sum, branch) => sum + coalitionsOf(branch) - 2, 0);
  return 2 ** tree.length + 2 ** (tree.length - 1) * inside;
}

/** What a player adds, with the share of the orders in which it is that. */
interface Gain {
  readonly player: number;
  readonly before: Coalition;
  readonly after: Coalition;
  readonly weight: number;
}

/** All gains of a tree's players while those outside of it are as `outside` says, which is so in a share of the orders. */
function* gainsOf(tree: Tree, outside: Coalition, share: number): Generator<Gain> {
  if (typeof tree === "number") {
    const after = outside.slice();
    after[tree] = 1;
    yield { player: tree, before: outside, after, weight: share };
    return;
  }
  const m = tree.length;
  for (const [b, branch] of tree.entries()) {
    const others = tree.filter((_, i) => i !== b);
    for (let bits = 0; bits < 2 ** (m - 1); bits++) {
      const inside = others.filter((_, i) => (bits >>> i) & 1);
      const around = outside.slice();
      for (const player of inside.flatMap(playersOf)) around[player] = 1;
      yield* gainsOf(branch, around, share * shareOfSize(inside.length, m));
    }
  }
}

/** s! (m − s − 1)! / m!: how often just these s of m − 1 others come before one. */
function shareOfSize(s: number, m: number): number {
  let share = 1 / m;
  for (let i = 1; i <= s; i++) share *= i / (m - i);
  return share;
}

const playersOf = (tree: Tree): number[] => (typeof tree === "number" ? [tree] : tree.flatMap(playersOf));

/** A random order in which every group stays together. */
function orderOf(tree: Tree, random: Random): number[] {
  if (typeof tree === "number") return [tree];
  return random.permutation(tree.length).flatMap((b) => orderOf(tree[b] as Tree, random));
}
