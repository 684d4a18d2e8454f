/**
 * ContextCite (Cohen-Wang, Shah, Georgiev and Madry 2024, arXiv 2409.00729): which sources of a context a response rests on,
 * by a sparse linear model of how the response's odds change when sources are removed at random,
 *
 *   min over b, c of Σ_k (g(z_k) / T − c − Σ_p b_p (z_kp − z̄_p) / σ_p)² / 2K + α ‖b‖₁,   g = ln P / (1 − P),
 *
 * for K = `nSamples` coalitions z_k that lack each source with probability `maskProb`; P is the probability of the response's
 * T tokens, z̄ and σ are means and standard deviations of the columns. The scores are T b_p / σ_p: what a source adds to the
 * log-odds. Numbers are the authors': 64 samples, one half, α = 0.01.
 *
 * Sources are sentences of the source or prompt unless `players` says otherwise (spans of documents, say); what is generated
 * is never removed. The response is all attributed tokens together, and a source's score is shared by them evenly: the sum
 * over the tokens is that of the response. `perToken` makes every token a response by itself. Cost: nSamples forward passes.
 * Unit: nat.
 */

import { OptionError } from "../../errors.ts";
import type { GameMethod } from "../method.ts";
import { checkSamples } from "../samples.ts";
import { type Coalition, seen } from "./game.ts";
import { lasso } from "./lasso.ts";

export interface ContextCiteOptions {
  /** Perturbed texts. 64 by default. */
  readonly nSamples?: number;
  /** Probability that a source is removed. 0.5 by default. */
  readonly maskProb?: number;
  /** α of the lasso; 0 is plain least squares. 0.01 by default. */
  readonly regularization?: number;
  /** Explain every token by itself instead of all of them together. */
  readonly perToken?: boolean;
}

const DEFAULT_SAMPLES = 64;

export const contextCite: GameMethod<ContextCiteOptions> = {
  on: "players",
  usesBaseline: "each",
  draws: true,
  removal: "delete",
  players: "sentence",
  contextOnly: true,
  explains: "log_odds",
  options: ["nSamples", "maskProb", "regularization", "perToken"],
  evaluations: ({ nSamples = DEFAULT_SAMPLES }) => nSamples,
  paper: "Cohen-Wang et al. 2024, arXiv 2409.00729",
  formula: "argmin_b Σ_k (ln P(z_k) / (1 − P(z_k)) − c − b·z_k)² / 2K + α ‖b‖₁",
  cost: "n_samples forward",
  unit: "nat",
  defaults: { nSamples: DEFAULT_SAMPLES, maskProb: 0.5, regularization: 0.01, perToken: false },
  goodFor: "which few of many sentences or documents a response rests on, from 64 passes",
  badFor: "single tokens and short texts: Shapley values and occlusion are exact there",

  async run(game, options) {
    const { nSamples = DEFAULT_SAMPLES, maskProb = 0.5, regularization = 0.01, perToken = false } = options;
    checkSamples(nSamples);
    if (!(maskProb > 0 && maskProb < 1)) {
      throw new OptionError(`maskProb: expected a probability between 0 and 1, received ${maskProb}`);
    }
    if (!(regularization >= 0)) {
      throw new OptionError(`regularization: expected a number ≥ 0, received ${regularization}`);
    }
    const random = game.random();
    const coalitions: Coalition[] = Array.from({ length: nSamples }, () =>
      Uint8Array.from({ length: game.players }, () => (random.uniform() < maskProb ? 0 : 1)),
    );
    const values = await game.value(coalitions);
    const N = game.steps;
    // Sources are before the first step, so that all steps see the same ones.
    const players = seen(game, 0);
    const columns = standardized(coalitions, players);
    const solve = (responses: readonly number[], tokens: number): Float64Array => {
      const perTokenOdds = responses.map((response) => response / tokens);
      const { coefficients } = lasso(columns.rows, perTokenOdds, regularization);
      const scores = new Float64Array(game.players);
      for (const [i, p] of players.entries())
        scores[p] = (tokens * (coefficients[i] ?? 0)) / (columns.deviations[i] ?? 1);
      return scores;
    };
    if (perToken) {
      return Array.from({ length: N }, (_, n) =>
        solve(
          values.map((value) => value[n] ?? Number.NaN),
          1,
        ),
      );
    }
    const ofResponse = solve(
      values.map((value) => oddsTogether(value)),
      N,
    );
    return Array.from({ length: N }, () => ofResponse.map((score) => score / N));
  },
};

/** ln P / (1 − P) of P = Π p_n, from each ln p_n / (1 − p_n). */
export function oddsTogether(odds: Float64Array): number {
  // ln p = −ln(1 + e^−odds), without overflow.
  const logP = odds.reduce((sum, x) => sum + Math.min(0, x) - Math.log1p(Math.exp(-Math.abs(x))), 0);
  // ln(1 − P): of a P near 1 by what is missing, of a small one by 1 + (−P).
  const logRest = logP > -Math.LN2 ? Math.log(-Math.expm1(logP)) : Math.log1p(-Math.exp(logP));
  return logP - logRest;
}

/** Columns with mean 0 and deviation 1, as StandardScaler makes them: one without variation stays, at 0. */
function standardized(
  coalitions: readonly Coalition[],
  players: readonly number[],
): { rows: Float64Array[]; deviations: number[] } {
  const K = coalitions.length;
  const shares = players.map((p) => coalitions.reduce((sum, kept) => sum + (kept[p] ?? 0), 0) / K);
  const deviations = shares.map((share) => Math.sqrt(share * (1 - share)) || 1);
  const rows = coalitions.map((kept) =>
    Float64Array.from(players, (p, i) => ((kept[p] ?? 0) - (shares[i] ?? 0)) / (deviations[i] ?? 1)),
  );
  return { rows, deviations };
}
