/**
 * Input × gradient of segments, forwards: for a sentence, document, turn or span s of the text
 *
 *   φ_s(t) = Σ_{i ∈ s} (x_i − x'_i) · ∂f_t/∂x_i = (J v)_t,   v = x − x' at the tokens of s, zero elsewhere,
 *
 * with the Jacobian J of the attributed functions of all generated tokens t. A Jacobian-vector product (forward-mode
 * differentiation, Griewank and Walther 2008, ch. 3) gives them for one segment and all tokens at once, where input ×
 * gradient (Shrikumar et al. 2016, arXiv 1605.01713) takes a backward pass for each token; the numbers are the same: its
 * signed scores, summed over the segment. All segments together give the derivative of f_t along x − x'.
 *
 * x' is zero unless a baseline is given. Cost: for each segment one forward pass with its tangent, whatever the number of
 * generated tokens. Unit: that of the score.
 */

import type { GameMethod } from "../method.ts";
import type { Coalition } from "../perturbation/game.ts";
import type { PerturbationOptions } from "../perturbation/perturbation.ts";

export const segmentInputXGradient: GameMethod<Pick<PerturbationOptions, "players" | "perturbationsPerEval">> = {
  on: "players",
  usesBaseline: "each",
  defaultBaselines: ["origin"],
  draws: false,
  differentiates: true,
  removal: "replace",
  players: "sentence",
  options: ["players", "perturbationsPerEval"],
  evaluations: (_options, { inputs }) => inputs.reduce((total, players) => total + players, 0),
  paper: "Shrikumar et al. 2016, arXiv 1605.01713; forward mode: Griewank and Walther 2008, ch. 3",
  formula: "Σ_{i ∈ s} (xᵢ − x′ᵢ) · ∂f/∂xᵢ of a segment s, for all tokens at once as J v",
  cost: "1 forward-mode pass (a forward pass with its tangent) for each segment",
  unit: "that of the score",
  defaults: { players: "sentence" },
  goodFor:
    "which of a few sentences, documents or turns every token of a long answer rests on, signed, in one pass for each",
  badFor: "many segments and few generated tokens: input_x_gradient costs less; what one gradient says little about",

  async run(game) {
    const alone = Array.from({ length: game.players }, (_, p): Coalition => {
      const coalition = new Uint8Array(game.players);
      coalition[p] = 1;
      return coalition;
    });
    const rows = await game.derivative(alone);
    return Array.from({ length: game.steps }, (_, n) => Float64Array.from(rows, (row) => row[n] ?? Number.NaN));
  },
};
