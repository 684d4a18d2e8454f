/**
 * The engine's side of `Game`: values of coalitions.
 *
 * A causal model's logits serve all steps, so a perturbed input is one row whatever the number of steps, and rows are put
 * into passes by a byte budget. Coalitions that perturb alike (those that differ in players that removal leaves as they are)
 * are computed once. Rows with an unchanged source come together, so that it is encoded once for all of them.
 */

import type { Coalition, Game } from "../method/game.ts";
import { repeat } from "../ops/repeat.ts";
import { Random } from "../random.ts";
import { dispose, readFloats, type Tensor, tidy } from "../tensor.ts";
import { fewerRows } from "./budget.ts";
import { type Draws, isWhole, type Kept, type Perturbation, perturbedRows } from "./perturb.ts";
import type { Player } from "./players.ts";
import { chunks, type Target } from "./problem.ts";

export interface GameOptions {
  readonly seed: number;
  /** The first and the last target position whose token is explained, the last one exclusive. */
  readonly start: number;
  readonly end: number;
  /** Whether a token is never removed, or removal leaves it as it is. */
  readonly fixed: (input: number, token: number) => boolean;
  /** Lengths of the inputs. */
  readonly lengths: readonly number[];
  /** The most rows of a pass, and the most steps. */
  readonly rows: number;
  readonly steps: number;
  /** The attributed function at the steps from ≤ n < to. */
  readonly target: (from: number, to: number) => Target;
  /** Called when a pass is at its largest. */
  readonly onEntry: () => void;
  /** Called after each pass with the number of its rows; it may wait, or throw to stop the work. */
  readonly onPass: (rows: number) => Promise<void>;
}

/** Streams of random numbers that no method uses for itself. */
const STREAM = 2 ** 20;

/** The game of some players. */
export function createGame(perturbation: Perturbation, players: readonly Player[], options: GameOptions): Game {
  const { start, end, fixed, lengths, seed } = options;
  const { hasSource } = perturbation;
  const N = end - start;
  const movable = players.map(({ input, tokens }) => tokens.filter((token) => !fixed(input, token)));
  const known = new Map<string, Float64Array>();
  let rowsOfPass = options.rows;

  const sees = (step: number, player: number): boolean => {
    const isSource = hasSource && players[player]?.input === 0;
    return movable[player]?.some((token) => isSource || token < start + step) ?? false;
  };

  const keptTokens = (coalition: Coalition): Kept => {
    const kept = lengths.map((length) => new Uint8Array(length).fill(1));
    for (const [p, { input }] of players.entries()) {
      if (coalition[p] === 1) continue;
      for (const token of movable[p] ?? []) (kept[input] as Uint8Array)[token] = 0;
    }
    return kept;
  };

  /** Values of the steps from ≤ n < to, [K · (to − from)], row by row. */
  async function pass(rows: readonly Kept[], draws: readonly Draws[], from: number, to: number): Promise<Float64Array> {
    const steps = to - from;
    const positions_N = Array.from({ length: steps }, (_, n) => start + from + n - 1);
    let standIn: (k: number, n: number) => boolean = () => false;
    const scores = tidy(() => {
      const made = perturbedRows(perturbation, rows, positions_N, draws);
      standIn = made.standIn;
      const K = made.positions_KN.length;
      const logits_RV = perturbation.runner.logitsAtEach(made.points, made.positions_KN, { mask_KS: made.mask_KS });
      const inputs = (): Tensor[] => made.points.map((x) => repeat(x, x.shape[0] === K ? steps : K * steps));
      const scores_R = options.target(from, to).score(logits_RV, K, inputs);
      options.onEntry();
      return scores_R;
    });
    const values = await readFloats(scores);
    dispose(scores);
    return Float64Array.from({ length: rows.length * steps }, (_, i) => {
      const [k, n] = [Math.floor(i / steps), i % steps];
      return values[standIn(k, n) ? rows.length * steps + n : i] ?? Number.NaN;
    });
  }

  /** All steps of some rows, in as many passes as the budget wants. */
  async function evaluate(rows: readonly Kept[], draws: readonly Draws[]): Promise<Float64Array[]> {
    const values = rows.map(() => new Float64Array(N));
    for (const [from, to] of chunks(N, options.steps)) {
      const part = await pass(rows, draws, from, to);
      for (const [k, row] of values.entries()) row.set(part.subarray(k * (to - from), (k + 1) * (to - from)), from);
    }
    await options.onPass(rows.length);
    return values;
  }

  return {
    steps: N,
    players: players.length,
    inputs: lengths.map((_, i) => players.filter(({ input }) => input === i).length),
    sees,
    random: (stream = 0) => new Random(seed, stream),

    async value(coalitions) {
      const asked = coalitions.map((coalition) => {
        const kept = keptTokens(coalition);
        return { key: kept.map((row) => row.join("")).join(" "), kept };
      });
      const fresh = [...new Map(asked.filter(({ key }) => !known.has(key)).map((one) => [one.key, one])).values()].map(
        (one) => ({ ...one, draws: drawsOf(seed, one.key) }),
      );
      const sourceWhole = ({ kept }: { kept: Kept }): boolean => hasSource && isWhole(kept[0] ?? new Uint8Array());
      const groups = [fresh.filter(sourceWhole), fresh.filter((one) => !sourceWhole(one))];
      for (const group of groups) {
        for (let from = 0; from < group.length; ) {
          const some = group.slice(from, from + rowsOfPass);
          try {
            const values = await evaluate(
              some.map(({ kept }) => kept),
              some.map((one) => one.draws),
            );
            for (const [i, { key }] of some.entries()) known.set(key, values[i] as Float64Array);
            from += some.length;
          } catch (error) {
            rowsOfPass = fewerRows(error, some.length);
          }
        }
      }
      return asked.map(({ key }) => known.get(key) as Float64Array);
    },
  };
}

/** The numbers of a coalition: its own, whatever was asked before, so that work can be left out and taken up. */
const drawsOf =
  (seed: number, key: string): Draws =>
  (input) =>
    new Random(seed, STREAM + fnv1a(`${input} ${key}`));

/** A number from 0 to 2³¹ − 1 (Fowler, Noll and Vo). */
function fnv1a(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h & 0x7fffffff;
}
