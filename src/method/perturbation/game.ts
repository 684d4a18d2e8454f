/**
 * What a perturbation method is asked: a cooperative game. Players are tokens, words, sentences or spans of the inputs; a
 * coalition is the set of players that are kept while the others are removed; its values are the attributed function at N
 * generation steps. How players are removed (replaced, deleted, redrawn), in how many passes and how much memory, is the
 * engine's business; a method sees numbers on the host only. It may also ask how the values begin to change on the way from
 * the text to one without some players.
 *
 * A step sees only what is before it: later players change nothing. So one set of coalitions serves all steps, and a method
 * that restricts its answer to `sees` is right for each of them.
 *
 * Letters: N steps, P players, K coalitions.
 */

import type { Random } from "../../random.ts";

/** 1 for players that are kept, 0 for those removed: [P]. */
export type Coalition = Uint8Array;

/** A text in which those who are not kept are exchanged for other tokens. */
export interface Exchange {
  readonly kept: Coalition;
  /** Numbers in [0, 1), which choose the new tokens: `sizes[p]` for each player, in the order of the players. */
  readonly numbers: Float64Array;
}

export interface Game {
  /** N */
  readonly steps: number;
  /** P */
  readonly players: number;
  /** How many players each input has; those of one input follow each other in the order of its text. */
  readonly inputs: readonly number[];
  /** All players, in groups within groups if the method asks for them. */
  readonly tree: readonly Tree[];
  /** How many tokens of each player can be removed: [P]. */
  readonly sizes: readonly number[];
  /** Whether a part of player p is before step n. */
  sees(step: number, player: number): boolean;
  /** v_n of each coalition: [K][N]. Coalitions that are asked again cost nothing. */
  value(coalitions: readonly Coalition[]): Promise<readonly Float64Array[]>;
  /** Derivatives of v_n at the text, along x − x' of those who are in a coalition: [K][N]. */
  derivative(coalitions: readonly Coalition[]): Promise<readonly Float64Array[]>;
  /** v_n of each text, [K][N], and how many tokens of the vocabulary its step finds likelier than the step's own, [K]. */
  redrawnValues(rows: readonly Exchange[]): Promise<readonly Float64Array[]>;
  redrawnRanks(rows: readonly (Exchange & { readonly step: number })[]): Promise<readonly number[]>;
  /** Keeps for the caller, in the result's `info`, what the scores do not tell. */
  note(text: string): void;
  /** A new generator of random numbers from the caller's seed; streams with different numbers are independent. */
  random(stream?: number): Random;
}

/** A player, or a group whose members belong together. */
export type Tree = number | readonly Tree[];

/** What the number of evaluations may depend on. */
export type GameSize = Pick<Game, "steps" | "inputs" | "tree">;

/** One score for each step and player: [N][P]; what a step does not see has no meaning there. */
export type PlayerScores = readonly Float64Array[];

/** Everyone. */
export const everyone = ({ players }: Pick<Game, "players">): Coalition => new Uint8Array(players).fill(1);

/** Nobody. */
export const nobody = ({ players }: Pick<Game, "players">): Coalition => new Uint8Array(players);

/** The coalition without some of its players. */
export function without(coalition: Coalition, players: readonly number[]): Coalition {
  const smaller = coalition.slice();
  for (const player of players) smaller[player] = 0;
  return smaller;
}

/** [N][P] by a formula. */
export function playerScores({ steps, players }: Game, score: (step: number, player: number) => number): PlayerScores {
  return Array.from({ length: steps }, (_, n) => Float64Array.from({ length: players }, (_, p) => score(n, p)));
}

/** The players that step n sees. */
export function seen(game: Game, step: number): number[] {
  return Array.from({ length: game.players }, (_, p) => p).filter((p) => game.sees(step, p));
}
