/**
 * The engine's side of `Game`: values of coalitions.
 *
 * A causal model's logits serve all steps, so a perturbed input is one row whatever the number of steps, and rows are put
 * into passes by a byte budget. Coalitions that perturb alike (those that differ in players that removal leaves as they are)
 * are computed once. Rows with an unchanged source come together, so that it is encoded once for all of them. So do rows that
 * begin to differ from the text at near positions: what is before the first of these is computed once, too.
 */

import type { Coalition, Exchange, Game, Tree } from "../../method/perturbation/game.ts";
import { repeat } from "../../ops/repeat.ts";
import { select } from "../../ops/select.ts";
import { Random } from "../../random.ts";
import { cast, dispose, expandDims, greater, int32, readFloats, sum, type Tensor, tidy } from "../../tensor.ts";
import { chunks, type Target } from "../gradient/problem.ts";
import { inPasses } from "../inPasses.ts";
import { derivatives } from "./derivatives.ts";
import {
  type Draws,
  isWhole,
  type Kept,
  type Perturbation,
  perturbedRows,
  unchangedPositions,
} from "./perturbedRows.ts";
import type { Player } from "./players.ts";

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
  /** The players in their groups. */
  readonly tree: readonly Tree[];
  /** The tokens that the steps explain. */
  readonly targets: readonly number[];
  /** The attributed function at the steps from ≤ n < to. */
  readonly target: (from: number, to: number) => Target;
  /** Called with what the method notes for the caller. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** Called when a pass is at its largest. */
  readonly onEntry: () => void;
  /** Called after each pass with the number of its rows; it may wait, or throw to stop the work. */
  readonly onPass: (rows: number) => Promise<void>;
}

/** A perturbed input: what is kept of it, and the numbers that choose what comes instead of the rest. */
interface Row {
  readonly kept: Kept;
  readonly draws: Draws;
}

/** Streams of random numbers that no method uses for itself. */
const STREAM = 2 ** 20;

/** Positions that a pass may compute in vain: a share of all, or so many. */
const MOST_IN_VAIN = 1 / 8;
const FEW_POSITIONS = 16;

/** The game of some players. */
export function createGame(perturbation: Perturbation, players: readonly Player[], options: GameOptions): Game {
  const { start, end, fixed, lengths, seed } = options;
  const { hasSource } = perturbation;
  const N = end - start;
  const movable = players.map(({ input, tokens }) => tokens.filter((token) => !fixed(input, token)));
  const known = new Map<string, Float64Array>();
  /** Values of the text itself, once it was worth computing what others share with it. */
  let unperturbed: Float64Array | undefined;
  const size = { rows: options.rows };

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

  /** Values of the steps from ≤ n < to, [K · (to − from)], row by row; none sees the first `unchanged` positions only. */
  async function pass(some: readonly Row[], from: number, to: number, unchanged: number): Promise<Float64Array> {
    const [rows, draws] = [some.map(({ kept }) => kept), some.map((row) => row.draws)];
    const steps = to - from;
    const positions_N = Array.from({ length: steps }, (_, n) => start + from + n - 1);
    let standIn: (k: number, n: number) => boolean = () => false;
    const scores = tidy(() => {
      const made = perturbedRows(perturbation, rows, positions_N, draws);
      standIn = made.standIn;
      const K = made.positions_KN.length;
      const each = { mask_KS: made.mask_KS, unchanged };
      const logits_RV = perturbation.runner.logitsAtEach(made.points, made.positions_KN, each);
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

  /** All steps of some rows; those that see what no row changes are known. */
  async function evaluate(some: readonly Row[]): Promise<Float64Array[]> {
    const shared = Math.min(...some.map(({ kept }) => unchangedPositions(perturbation, kept)));
    const unchanged = unperturbed === undefined ? 0 : shared;
    const settled = Math.min(N, Math.max(0, unchanged + 1 - start));
    const values = some.map(() => Float64Array.from(unperturbed ?? new Float64Array(N)));
    for (const [begin, to] of chunks(N, options.steps)) {
      const from = Math.max(begin, settled);
      if (from >= to) continue;
      const part = await pass(some, from, to, unchanged);
      for (const [k, row] of values.entries()) row.set(part.subarray(k * (to - from), (k + 1) * (to - from)), from);
    }
    return values;
  }

  /** The same for any number of rows, in the order in which they begin to differ from the text. */
  async function evaluateAll(rows: readonly Row[]): Promise<Float64Array[]> {
    const shared = rows.map(({ kept }) => unchangedPositions(perturbation, kept));
    // The text itself goes through the model twice, for its values and for what others share with it.
    if (unperturbed === undefined && shared.reduce((sum, positions) => sum + positions, 0) > 2 * end) {
      const whole = { kept: lengths.map((length) => new Uint8Array(length).fill(1)), draws: () => () => 0 };
      [unperturbed] = await inPasses([whole], size, evaluate);
    }
    const order = [...rows.keys()].sort((a, b) => (shared[a] ?? 0) - (shared[b] ?? 0) || a - b);
    const values = await inPasses(
      order.map((i) => rows[i] as Row),
      size,
      async (some) => {
        const found = await evaluate(some);
        await options.onPass(some.length);
        return found;
      },
      (from) => nearRows(order.slice(from).map((i) => end - 1 - (shared[i] ?? 0))),
    );
    const inOrder: Float64Array[] = [];
    for (const [at, i] of order.entries()) inOrder[i] = values[at] as Float64Array;
    return inOrder;
  }

  /** The rank of a step's own token in each of some rows: how many logits are larger. */
  async function evaluateRanks(some: readonly (Row & { readonly step: number })[]): Promise<number[]> {
    const ranks = tidy(() => {
      const positions_K1 = some.map(({ step }) => [start + step - 1]);
      const { points } = perturbedRows(
        perturbation,
        some.map(({ kept }) => kept),
        positions_K1.flat(),
        some.map(({ draws }) => draws),
      );
      const logits_KV = perturbation.runner.logitsAtEach(points, positions_K1);
      const targets_K = int32(some.map(({ step }) => options.targets[step] ?? 0));
      const own_K1 = expandDims(select(logits_KV, targets_K), 1);
      options.onEntry();
      return sum(cast(greater(logits_KV, own_K1), "float32"), -1);
    });
    const values = [...(await readFloats(ranks))];
    dispose(ranks);
    await options.onPass(some.length);
    return values;
  }

  /** Whose numbers are given: those of each input's removed tokens one after the other. */
  const rowOf = ({ kept: coalition, numbers }: Exchange): Row => ({
    kept: keptTokens(coalition),
    draws(input) {
      const own: number[] = [];
      let at = 0;
      for (const [p, tokens] of movable.entries()) {
        if (players[p]?.input === input && coalition[p] !== 1) own.push(...numbers.subarray(at, at + tokens.length));
        at += tokens.length;
      }
      let next = 0;
      return () => own[next++] ?? 0;
    },
  });

  return {
    steps: N,
    players: players.length,
    tree: options.tree,
    sizes: movable.map(({ length }) => length),
    inputs: lengths.map((_, i) => players.filter(({ input }) => input === i).length),
    sees,
    note: (text) => options.onNote?.(text),
    random: (stream = 0) => new Random(seed, stream),

    async value(coalitions) {
      const asked = coalitions.map((coalition) => {
        const kept = keptTokens(coalition);
        return { key: keyOf(kept), kept };
      });
      const fresh = [...new Map(asked.filter(({ key }) => !known.has(key)).map((one) => [one.key, one])).values()].map(
        (one) => ({ ...one, draws: drawsOf(seed, one.key) }),
      );
      const sourceWhole = ({ kept }: { kept: Kept }): boolean => hasSource && isWhole(kept[0] ?? new Uint8Array());
      const groups = [fresh.filter(sourceWhole), fresh.filter((one) => !sourceWhole(one))];
      for (const group of groups) {
        const values = await evaluateAll(group);
        for (const [i, { key }] of group.entries()) known.set(key, values[i] as Float64Array);
      }
      return asked.map(({ key }) => known.get(key) as Float64Array);
    },

    async derivative(coalitions) {
      const isIn = (coalition: Coalition): Kept => {
        const others = coalition.map((one) => 1 - one);
        return keptTokens(others).map((kept) => kept.map((one) => 1 - one));
      };
      const { values, along } = await derivatives(perturbation, coalitions.map(isIn), options);
      if (along.length > 0) known.set(keyOf(lengths.map((length) => new Uint8Array(length).fill(1))), values);
      return along;
    },

    redrawnValues: (rows) => evaluateAll(rows.map(rowOf)),
    redrawnRanks: (rows) =>
      inPasses(
        rows.map((row) => ({ ...rowOf(row), step: row.step })),
        size,
        evaluateRanks,
      ),
  };
}

/**
 * How many rows share a pass, which has as many positions of each as the first, which has most: a pass of few positions is slow,
 * so that some may be computed in vain.
 * @param positions that each row needs, in descending order
 */
function nearRows(positions: readonly number[]): number {
  const [most = 0] = positions;
  let vain = 0;
  const beyond = positions.findIndex((needed, row) => {
    vain += most - needed;
    return vain > Math.max(MOST_IN_VAIN * most * row, FEW_POSITIONS);
  });
  return beyond < 0 ? positions.length : beyond;
}

const keyOf = (kept: Kept): string => kept.map((row) => row.join("")).join(" ");

/** The numbers of a coalition: its own, whatever was asked before, so that work can be left out and taken up. */
const drawsOf =
  (seed: number, key: string): Draws =>
  (input) => {
    const random = new Random(seed, STREAM + fnv1a(`${input} ${key}`));
    return () => random.uniform();
  };

/** A number from 0 to 2³¹ − 1 (Fowler, Noll and Vo). */
function fnv1a(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h & 0x7fffffff;
}
