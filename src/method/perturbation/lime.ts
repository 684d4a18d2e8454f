/**
 * LIME (Ribeiro, Singh and Guestrin 2016, arXiv 1602.04938): a linear model of what the model does around the text,
 *
 *   min over b, c of Σ_k π(z_k) (v(z_k) − c − b·z_k)² + α ‖b‖²,  π(z) = exp(−d(z, 1)² / σ²),
 *
 * for `nSamples` coalitions z_k that lack each player with probability `maskProb`; d is the cosine distance between z and
 * everyone, among the players that a step sees. The scores are the coefficients b, signed. The probability, the number of
 * samples and α are Inseq's; kernel and width (σ = 0.25) those of the authors' own program for texts. Inseq fits the
 * entries of the perturbed embeddings instead of the players, weighs by how many entries are left, and fills gaps with the
 * number of the unknown token as an embedding; here a baseline fills them. `features: "embeddings"` does as Inseq
 * (`limeOfEmbeddings.ts`). Cost: nSamples forward passes. Unit: that of the score.
 */

import { OptionError } from "../../errors.ts";
import { knownName } from "../../names.ts";
import type { GameMethod } from "../method.ts";
import { checkSamples } from "../samples.ts";
import { type Coalition, seen } from "./game.ts";
import { ridge } from "./leastSquares.ts";

/** What the linear model is a function of: which players are kept, or, as in Inseq, the entries of the embeddings. */
const limeFeatures = ["players", "embeddings"] as const;

export interface LimeOptions {
  /** `players` by default. */
  readonly features?: (typeof limeFeatures)[number];
  /** Perturbed texts. 50 by default. */
  readonly nSamples?: number;
  /** Probability that a player is removed. 0.3 by default. */
  readonly maskProb?: number;
  /** α of the ridge regression; 0 is plain least squares. 1 by default. */
  readonly regularization?: number;
  /** σ: how fast weights fall with the cosine distance from the text. 0.25 by default. */
  readonly kernelWidth?: number;
}

export const DEFAULT_SAMPLES = 50;

export const lime: GameMethod<LimeOptions> = {
  on: "players",
  usesBaseline: "each",
  draws: true,
  removal: "replace",
  options: ["features", "nSamples", "maskProb", "regularization", "kernelWidth"],
  evaluations: ({ nSamples = DEFAULT_SAMPLES }) => nSamples,
  paper: "Ribeiro et al. 2016, arXiv 1602.04938",
  formula: "argmin_b Σ_k π(z_k) (v(z_k) − c − b·z_k)² + α ‖b‖²",
  cost: "n_samples forward",
  unit: "that of the score",
  defaults: { features: "players", nSamples: DEFAULT_SAMPLES, maskProb: 0.3, regularization: 1, kernelWidth: 0.25 },
  goodFor: "a linear picture of the model around the text from a fixed number of passes, however long the text",
  badFor: "precision: scores are shrunk by the ridge and change with the seed; take more samples for long texts",

  async run(game, options) {
    const { nSamples = DEFAULT_SAMPLES, maskProb = 0.3, regularization = 1, kernelWidth = 0.25 } = options;
    checkSamples(nSamples);
    checkLime(options);
    const random = game.random();
    const coalitions: Coalition[] = Array.from({ length: nSamples }, () =>
      Uint8Array.from({ length: game.players }, () => (random.uniform() < maskProb ? 0 : 1)),
    );
    const values = await game.value(coalitions);
    return Array.from({ length: game.steps }, (_, n) => {
      const players = seen(game, n);
      const rows = coalitions.map((coalition) => players.map((p) => coalition[p] ?? 0));
      const weights = rows.map((row) => Math.exp(-((cosineDistance(row) / kernelWidth) ** 2)));
      const responses = values.map((value) => value[n] ?? 0);
      const { coefficients } = ridge(rows, responses, weights, regularization);
      const scores = new Float64Array(game.players);
      for (const [i, p] of players.entries()) scores[p] = coefficients[i] ?? 0;
      return scores;
    });
  },
};

/** @throws OptionError when a number is none that can be fitted with */
export function checkLime(options: LimeOptions): void {
  const { features = "players", maskProb = 0.3, regularization = 1, kernelWidth = 0.25 } = options;
  knownName("features", features, limeFeatures);
  if (!(maskProb > 0 && maskProb < 1)) {
    throw new OptionError(`maskProb: expected a probability between 0 and 1, received ${maskProb}`);
  }
  if (!(regularization >= 0)) {
    throw new OptionError(`regularization: expected a number ≥ 0, received ${regularization}`);
  }
  if (!(kernelWidth > 0)) throw new OptionError(`kernelWidth: expected a number > 0, received ${kernelWidth}`);
}

/** 1 − cos between a row of zeros and ones, and ones everywhere: 1 − √(share that is kept). */
function cosineDistance(row: readonly number[]): number {
  return 1 - Math.sqrt(row.reduce((kept, value) => kept + value, 0) / Math.max(1, row.length));
}
