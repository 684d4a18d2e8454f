/** The game that explains output spans: a span's value is what its tokens' values add up to. */

import type { Game } from "../../method/perturbation/game.ts";
import { type SpanReduction, type Step, shares } from "../steps.ts";

/** The game of spans behind the game of the attributed tokens, each of which is a step of its own there. */
export function spanGame(game: Game, steps: readonly Step[], reduction: SpanReduction): Game {
  const weights = shares(steps, reduction);
  const ofSpans = (values_G: Float64Array): Float64Array =>
    Float64Array.from(steps, (tokens, n) =>
      tokens.reduce((total, g, l) => total + (weights[n]?.[l] ?? 0) * (values_G[g] ?? Number.NaN), 0),
    );
  return {
    ...game,
    steps: steps.length,
    sees: (step, player) => steps[step]?.some((token) => game.sees(token, player)) ?? false,
    value: async (coalitions) => (await game.value(coalitions)).map(ofSpans),
    derivative: async (coalitions) => (await game.derivative(coalitions)).map(ofSpans),
  };
}
