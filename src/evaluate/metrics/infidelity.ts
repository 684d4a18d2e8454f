/**
 * Infidelity: how far scores are from telling what removing random sets of players changes,
 * E[(Σ of the scores of the set − (f(x) − f(x without the set)))²]. Scores have to be in the unit of the explained function;
 * `normalize` multiplies them by the factor that makes the mean smallest, as Captum does.
 */

import type { Coalition } from "../../method/perturbation/game.ts";
import { everyone } from "../../method/perturbation/game.ts";
import { checkCount, checkShare, type Metric } from "../metric.ts";
import { removing } from "../ranking.ts";

export interface InfidelityOptions {
  /** How many random sets are removed. */
  readonly samples?: number;
  /** The probability with which a player is removed. */
  readonly removed?: number;
  /** Compare up to a factor of the scores. */
  readonly normalize?: boolean;
}

/** The stream of random numbers that the sets are drawn from. */
const SETS = 1;

export const infidelity: Metric<InfidelityOptions> = {
  formula: "E[(Σᵢ∈R sᵢ − (f(x) − f(x without R)))²] over random sets R",
  paper: "Yeh et al. 2019, arXiv 1901.09392",
  unit: "function²",
  better: "lower",
  range: [0, Infinity],
  cost: "samples + 1",
  needs: ["removal"],
  defaults: { samples: 100, removed: 0.5, normalize: false },
  check({ samples, removed }) {
    checkCount("samples", samples);
    checkShare("removed", removed);
  },
  async run(question, { samples, removed, normalize }) {
    const random = question.random(SETS);
    const coalitions = Array.from({ length: samples }, () => {
      const players = Array.from({ length: question.players }, (_, p) => p);
      return removing(
        question,
        players.filter(() => random.uniform() < removed),
      );
    });
    const [whole = Number.NaN, ...parts] = await question.value([everyone(question), ...coalitions], "explained");
    const changes = parts.map((part) => whole - part);
    return { value: meanSquaredError(question.scores, coalitions, changes, normalize) };
  },
};

/** The mean of (Σ of the removed players' scores − change)² over coalitions; up to the best factor with `normalize`. */
export function meanSquaredError(
  scores: Float64Array,
  coalitions: readonly Coalition[],
  changes: readonly number[],
  normalize: boolean,
): number {
  const told = coalitions.map((kept) => scores.reduce((sum, score, p) => sum + (kept[p] === 0 ? score : 0), 0));
  const products = told.reduce((sum, one, i) => sum + one * (changes[i] ?? 0), 0);
  const squares = told.reduce((sum, one) => sum + one * one, 0);
  const factor = normalize && squares > 0 ? products / squares : 1;
  const errors = told.map((one, i) => (factor * one - (changes[i] ?? Number.NaN)) ** 2);
  return errors.reduce((sum, error) => sum + error, 0) / errors.length;
}
