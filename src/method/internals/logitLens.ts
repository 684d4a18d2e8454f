/**
 * Logit lens (nostalgebraist 2020, lesswrong.com/posts/AcKRB8wDpdaN6v6ru): what the model would predict if it ended after layer ℓ.
 * The state of the predicting position that leaves the block goes through the last normalisation and the output head, and
 * the attributed function is taken of these logits: a probability, a logit, an entropy, a difference from another token.
 *
 * Results: no attributions, but step scores `lens_0` (what enters the first block) to `lens_L` (the model's own, since nothing
 * follows the last block); with `lensRanks` also `lens_rank_0` to `lens_rank_L`, the token's rank among the logits, 1 for the
 * largest.
 */

import type { Scores } from "../../result/attribution.ts";
import { dispose, readFloats } from "../../tensor.ts";
import type { InternalsMethod } from "../method.ts";
import type { Internals, InternalsAnswer } from "./internals.ts";
import { residualStates } from "./residualStates.ts";

export interface LogitLensOptions {
  /** Give the token's rank after each layer, too; false by default. */
  readonly lensRanks?: boolean;
}

export const logitLens: InternalsMethod<LogitLensOptions> = {
  on: "internals",
  scoresStepsOnly: true,
  needs: [],
  explains: "any",
  usesBaseline: false,
  draws: false,
  options: ["lensRanks"],
  dimensionNames: [],
  run: lookThrough,
  paper: "nostalgebraist 2020, lesswrong.com/posts/AcKRB8wDpdaN6v6ru",
  formula: "f of the logits of norm(h) after each layer: step scores lens_0 to lens_L",
  cost: "1 forward, L + 1 heads for each token",
  unit: "that of the score",
  defaults: { lensRanks: false },
  goodFor: "after which layer the model knows its token",
  badFor:
    "early layers, whose states need not be in the basis of the head; attributing to inputs: it gives step scores only",
};

async function lookThrough(internals: Internals, { lensRanks = false }: LogitLensOptions): Promise<InternalsAnswer> {
  const { explained } = internals;
  const states = residualStates(internals);
  const stepScores: Record<string, Scores> = {};
  try {
    for (const [layer, states_GD] of [states.entering, ...states.leaving].entries()) {
      const scores_G = explained.score(states_GD);
      stepScores[`lens_${layer}`] = { shape: [...scores_G.shape], values: await readFloats(scores_G) };
      dispose(scores_G);
      if (!lensRanks) continue;
      const ranks_G = explained.rank(states_GD);
      stepScores[`lens_rank_${layer}`] = { shape: [...ranks_G.shape], values: await readFloats(ranks_G) };
      dispose(ranks_G);
    }
  } finally {
    states.dispose();
  }
  return { sourceAttributions: null, targetAttributions: null, sequenceScores: {}, stepScores };
}
