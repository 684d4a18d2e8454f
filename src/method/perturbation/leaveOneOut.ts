/**
 * Leave-one-out (Li, Monroe and Jurafsky 2016, arXiv 1612.08220): f(x) − f(x without i), the player truly deleted, so that
 * its neighbours move together; with `removal: "replace"` a baseline takes its place instead. Signed. Cost: one forward
 * pass for each player. Unit: that of the score.
 */

import type { GameMethod } from "../method.ts";
import { dropsAlone } from "./occlusion.ts";

export const leaveOneOut: GameMethod<object> = {
  on: "players",
  usesBaseline: "each",
  draws: false,
  removal: "delete",
  options: [],
  evaluations: (_options, { inputs }) => 1 + inputs.reduce((total, players) => total + players, 0),
  paper: "Li et al. 2016, arXiv 1612.08220",
  formula: "f(x) − f(x without xᵢ)",
  cost: "1 forward for each player",
  unit: "that of the score",
  defaults: {},
  goodFor: "the plain question of what happens when a word is deleted; the yardstick for others",
  badFor: "words that can stand for each other, and texts that are broken by a missing word",
  run: (game) => dropsAlone(game),
};
