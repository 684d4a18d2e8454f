/**
 * Occlusion (Zeiler and Fergus 2014, arXiv 1311.2901): how much the score falls when a window of the text is removed,
 *
 *   a_i = mean over the windows W that contain i of f(x) − f(x without W).
 *
 * A positive score says that the player helps. Windows slide over each input by itself, as in Captum; the last one may be
 * cut short. Inseq gives |a_i|: `abs` does. Cost: one forward pass for each window. Unit: that of the score.
 */

import { OptionError } from "../../errors.ts";
import type { GameMethod } from "../method.ts";
import { everyone, type Game, type PlayerScores, playerScores, without } from "./game.ts";

export interface OcclusionOptions {
  /** Players of a window: a number, or Captum's [number, embedding width], of which the second says nothing. 1 by default. */
  readonly slidingWindowShapes?: number | readonly number[];
  /** Players from one window to the next, at most a window's length. 1 by default. */
  readonly strides?: number | readonly number[];
  /** Inseq's absolute differences instead of signed ones. */
  readonly abs?: boolean;
}

export const occlusion: GameMethod<OcclusionOptions> = {
  on: "players",
  usesBaseline: "each",
  draws: false,
  removal: "replace",
  options: ["slidingWindowShapes", "strides", "abs"],
  evaluations: (options, { inputs }) => 1 + allWindows(inputs, options).length,
  paper: "Zeiler and Fergus 2014, arXiv 1311.2901",
  formula: "f(x) − f(x without a window around xᵢ), the mean over windows",
  cost: "1 forward for each window",
  unit: "that of the score",
  defaults: { slidingWindowShapes: 1, strides: 1, abs: false },
  goodFor: "the plain question of what happens without a word; any score, no gradient needed",
  badFor: "words that can stand for each other: without one of them nothing happens",

  async run(game, options) {
    const windows = allWindows(game.inputs, options);
    const all = everyone(game);
    const [whole, ...parts] = await game.value([all, ...windows.map((window) => without(all, window))]);
    const covering = Array.from({ length: game.players }, (_, p) =>
      windows.flatMap((window, w) => (window.includes(p) ? [w] : [])),
    );
    return playerScores(game, (n, p) => {
      const of = covering[p] ?? [];
      const differences = of.map((w) => (whole?.[n] ?? 0) - (parts[w]?.[n] ?? 0));
      const drops = options.abs ? differences.map(Math.abs) : differences;
      return drops.reduce((sum, drop) => sum + drop, 0) / Math.max(1, of.length);
    });
  },
};

/** The effect of removing each player alone, f(x) − f(x without i), [N][P]. */
export async function dropsAlone(game: Game): Promise<PlayerScores> {
  return await occlusion.run(game, {});
}

/**
 * The windows over each input's players.
 * @throws OptionError when a window is empty, or players between windows would be left out
 */
function allWindows(inputs: readonly number[], options: OcclusionOptions): number[][] {
  const length = firstOf("slidingWindowShapes", options.slidingWindowShapes);
  const stride = firstOf("strides", options.strides);
  if (stride > length) {
    throw new OptionError(`strides: expected at most the window's length ${length}, received ${stride}`);
  }
  let offset = 0;
  return inputs.flatMap((players) => {
    const first = offset;
    offset += players;
    const count = players === 0 ? 0 : 1 + Math.max(0, Math.ceil((players - length) / stride));
    return Array.from({ length: count }, (_, w) => {
      const [from, to] = [w * stride, Math.min(players, w * stride + length)];
      return Array.from({ length: to - from }, (_, i) => first + from + i);
    });
  });
}

function firstOf(name: string, given: number | readonly number[] = 1): number {
  const length = typeof given === "number" ? given : given[0];
  if (Number.isInteger(length) && (length ?? 0) > 0) return length as number;
  throw new OptionError(`${name}: expected a positive number of players, received ${JSON.stringify(given)}`);
}
