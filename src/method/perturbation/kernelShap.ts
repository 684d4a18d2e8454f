/**
 * Kernel SHAP (Lundberg and Lee 2017, arXiv 1705.07874): Shapley values as a weighted least-squares problem,
 *
 *   min over φ of Σ_S π(|S|) (v(S) − v(∅) − Σ_{i ∈ S} φ_i)²  with  Σ_i φ_i = v(everyone) − v(∅),
 *   π(s) = (P − 1) / (C(P, s) · s · (P − s)).
 *
 * If all coalitions fit into `nSamples` they are all used, and the answer is exact. Otherwise the sizes are drawn by
 * their share of π, each coalition with its complement (Covert and Lee 2021, arXiv 2012.01536), and all weigh the same.
 * A step's problem is restricted to the players that it sees: the others are known to get 0. Cost: nSamples forward passes.
 * Unit: that of the score.
 */

import { OptionError } from "../../errors.ts";
import type { Random } from "../../random.ts";
import type { GameMethod } from "../method.ts";
import { checkSamples } from "../samples.ts";
import { type Coalition, type Game, seen } from "./game.ts";
import { leastSquares } from "./leastSquares.ts";
import { coalitionOf, ends } from "./shapleyValues.ts";

export interface KernelShapOptions {
  /** Coalitions beside everyone and nobody. By default 2 · players + 2048, as in the SHAP package, or all there are. */
  readonly nSamples?: number;
}

export const kernelShap: GameMethod<KernelShapOptions> = {
  on: "players",
  usesBaseline: "each",
  draws: true,
  removal: "replace",
  options: ["nSamples"],
  evaluations: (options, { inputs }) =>
    2 +
    samples(
      options,
      inputs.reduce((total, players) => total + players, 0),
    ),
  paper: "Lundberg and Lee 2017, arXiv 1705.07874",
  formula: "argmin_φ Σ_S π(|S|) (v(S) − v(∅) − Σ_{i ∈ S} φᵢ)², Σ φᵢ = v(all) − v(∅)",
  cost: "n_samples forward",
  unit: "that of the score",
  defaults: { nSamples: "2 · players + 2048, or all coalitions if there are fewer" },
  goodFor: "Shapley values that add up exactly from far fewer passes than all coalitions",
  badFor: "long texts by token: take words or sentences as players",

  async run(game, options) {
    const P = game.players;
    const count = samples(options, P);
    const { coalitions, weights } = count === 2 ** P - 2 ? allOf(P) : drawn(game.random(), P, count);
    const { whole, empty } = await ends(game);
    const values = await game.value(coalitions);
    return Array.from({ length: game.steps }, (_, n) => {
      const change = (whole[n] ?? 0) - (empty[n] ?? 0);
      const responses = values.map((value) => (value[n] ?? 0) - (empty[n] ?? 0));
      return solve(game, n, coalitions, weights, responses, change);
    });
  },
};

/** How many coalitions are tried. */
function samples({ nSamples }: KernelShapOptions, P: number): number {
  if (nSamples !== undefined) checkSamples(nSamples);
  const all = 2 ** P - 2;
  const wanted = nSamples ?? 2 * P + 2048;
  if (wanted < all && wanted < P) {
    throw new OptionError(`nSamples: expected at least as many as players (${P}), received ${wanted}`);
  }
  return Math.max(0, Math.min(all, wanted));
}

/** The share of each size s from 1 to P − 1 in π: C(P, s) π(s) ∝ 1 / (s (P − s)). */
const shareOfSize = (s: number, P: number): number => 1 / (s * (P - s));

function allOf(P: number): { coalitions: Coalition[]; weights: number[] } {
  const coalitions = Array.from({ length: Math.max(0, 2 ** P - 2) }, (_, i) => coalitionOf(i + 1, P));
  const choices = [1];
  for (let s = 1; s <= P; s++) choices.push(((choices[s - 1] ?? 1) * (P - s + 1)) / s);
  const weights = coalitions.map((coalition) => {
    const s = coalition.reduce((size, kept) => size + kept, 0);
    return shareOfSize(s, P) / (choices[s] ?? 1);
  });
  return { coalitions, weights };
}

function drawn(random: Random, P: number, count: number): { coalitions: Coalition[]; weights: number[] } {
  const shares = Array.from({ length: P - 1 }, (_, i) => shareOfSize(i + 1, P));
  const total = shares.reduce((sum, share) => sum + share, 0);
  const coalitions: Coalition[] = [];
  while (coalitions.length < count) {
    let rest = random.uniform() * total;
    const found = shares.findIndex((share) => {
      rest -= share;
      return rest < 0;
    });
    const size = found < 0 ? P - 1 : found + 1;
    const coalition = new Uint8Array(P);
    for (const p of random.permutation(P).slice(0, size)) coalition[p] = 1;
    coalitions.push(
      coalition,
      coalition.map((kept) => 1 - kept),
    );
  }
  coalitions.length = count;
  return { coalitions, weights: coalitions.map(() => 1) };
}

/** φ of one step: the constraint is put in by writing the last player as what the others leave. */
function solve(
  game: Game,
  step: number,
  coalitions: readonly Coalition[],
  weights: readonly number[],
  responses: readonly number[],
  change: number,
): Float64Array {
  const scores = new Float64Array(game.players);
  const players = seen(game, step);
  const last = players.pop();
  if (last === undefined) return scores;
  const rows = coalitions.map((coalition) => players.map((p) => (coalition[p] ?? 0) - (coalition[last] ?? 0)));
  const left = responses.map((response, k) => response - (coalitions[k]?.[last] ?? 0) * change);
  const found = leastSquares(rows, left, weights, 0);
  for (const [i, p] of players.entries()) scores[p] = found[i] ?? 0;
  scores[last] = change - found.reduce((sum, score) => sum + score, 0);
  return scores;
}
