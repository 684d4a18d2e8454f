/**
 * ReAGent (Zhao and Shan 2024, arXiv 2402.00794, algorithm 1): a token is important if the prediction suffers where it is
 * exchanged for another one. For a step with target y, each of `numProbes` probes by itself:
 *
 *   s_i ~ U(0, 1); then again and again
 *   1. every token is exchanged with probability `replacingRatio`;    Δ = p(y) − p(y | exchanged)
 *      s_i += logit((Δ + 1) / 2) if i was exchanged, −logit((Δ + 1) / 2) otherwise
 *   2. all tokens but the `keepTopN` (or ⌈`keepRatio` · tokens⌉) with the highest s are exchanged; if y is still among the
 *      `stoppingConditionTopK` likeliest tokens, the probe is done.
 *
 * The scores are the mean of softmax(s) over the probes that got there, or over all of them if none did within
 * `maxProbeSteps`, which the result notes (`info.inseq_tfjs.notes`); they are positive and add up to 1. Tokens are exchanged for others of the vocabulary (`sampler`): any, or
 * of the same part of speech as in Inseq; special tokens stay, and get 0.
 *
 * The exchanged texts of 1. serve all steps, those of 2. are a step's own. |Δ| = 1, which rounding makes of probabilities
 * near 0 and 1 whatever the weights' precision, counts as the next smaller float32, so that no score is infinite. Cost: for
 * each round numProbes forward passes, and as many for each step that is not done. Unit: share.
 */

import { OptionError } from "../../errors.ts";
import type { GameMethod } from "../method.ts";
import { type Coalition, everyone, type Game, seen } from "./game.ts";

export interface ReagentOptions {
  /** Tokens that are kept to see whether a probe is done; 0 leaves it to `keepRatio`. 5 by default. */
  readonly keepTopN?: number;
  /** With `keepTopN: 0`: share of the tokens that are kept. */
  readonly keepRatio?: number;
  /** Exchange those tokens and keep the others. */
  readonly invertKeep?: boolean;
  /** A probe is done when the target is among so many likeliest tokens. 3 by default. */
  readonly stoppingConditionTopK?: number;
  /** Probability that a token is exchanged. 0.3 by default. */
  readonly replacingRatio?: number;
  /** Rounds after which a probe is given up. 3000 by default. */
  readonly maxProbeSteps?: number;
  /** 16 by default. */
  readonly numProbes?: number;
}

/** The numbers in [0, 1) that decide all: one for each exchangeable token, player after player. */
export interface ReagentDraws {
  /** s before the first round. */
  start(probe: number): Float64Array;
  /** Round r: below the ratio means exchanged. */
  mask(probe: number, round: number): Float64Array;
  /** Round r: which token comes instead, in 1. and in 2. */
  exchange(probe: number, round: number): Float64Array;
  test(probe: number, round: number): Float64Array;
}

const LARGEST_CHANGE = 1 - 2 ** -24;

export const reagent: GameMethod<ReagentOptions> = {
  on: "players",
  usesBaseline: "each",
  draws: true,
  removal: "resample",
  removals: ["resample"],
  explains: "probability",
  options: [
    "keepTopN",
    "keepRatio",
    "invertKeep",
    "stoppingConditionTopK",
    "replacingRatio",
    "maxProbeSteps",
    "numProbes",
  ],
  evaluations: (options, { steps }) => {
    const { maxProbeSteps, numProbes } = settings(options);
    return 1 + maxProbeSteps * numProbes * (1 + steps);
  },
  paper: "Zhao and Shan 2024, arXiv 2402.00794",
  formula: "mean of softmax(s), sᵢ = Σ ±logit((p(y) − p(y | exchanged) + 1) / 2), + where xᵢ was exchanged",
  cost: "rounds × num_probes forward, and as many for each token that is not done; at most max_probe_steps rounds",
  unit: "share",
  defaults: {
    keepTopN: 5,
    invertKeep: false,
    stoppingConditionTopK: 3,
    replacingRatio: 0.3,
    maxProbeSteps: 3000,
    numProbes: 16,
  },
  goodFor: "which few tokens suffice for a prediction, without gradients and with plausible texts only",
  badFor:
    "unlikely targets, for which probes never end; signs: scores are positive, and what helps is not told from what harms",

  run: (game, options) => probe(game, options, drawsOf(game)),
};

/** The scores with given draws. */
export async function probe(game: Game, options: ReagentOptions, draws: ReagentDraws): Promise<Float64Array[]> {
  const { numProbes, maxProbeSteps, replacingRatio, stoppingConditionTopK } = settings(options);
  const probes = Array.from({ length: numProbes }, (_, j) => j);
  const ofPlayers = (numbers: Float64Array): number[] => firstOfPlayers(game, numbers);
  const starts = probes.map((j) => ofPlayers(draws.start(j)));
  const steps = Array.from({ length: game.steps }, (_, n) => ({
    n,
    players: seen(game, n),
    scores: starts.map((start) => [...start]),
    done: probes.map(() => false),
  }));
  const [whole] = await game.value([everyone(game)]);
  let running = probes;
  for (let round = 0; round < maxProbeSteps && running.length > 0; round++) {
    const exchanged = running.map((j): Coalition => {
      const mask = ofPlayers(draws.mask(j, round));
      return Uint8Array.from(mask, (u) => (u < replacingRatio ? 0 : 1));
    });
    const values = await game.redrawnValues(
      running.map((j, r) => ({ kept: exchanged[r] ?? everyone(game), numbers: draws.exchange(j, round) })),
    );
    const tests: { step: (typeof steps)[number]; j: number; kept: Coalition }[] = [];
    for (const [r, j] of running.entries()) {
      for (const step of steps) {
        if (step.done[j]) continue;
        const change = clamped((whole?.[step.n] ?? Number.NaN) - (values[r]?.[step.n] ?? Number.NaN));
        const scores = step.scores[j] ?? [];
        // logit((Δ + 1) / 2)
        const gain = Math.log1p(change) - Math.log1p(-change);
        for (const p of step.players) scores[p] = (scores[p] ?? 0) + (exchanged[r]?.[p] === 0 ? gain : -gain);
        tests.push({ step, j, kept: tested(game, step.players, scores, options) });
      }
    }
    const ranks = await game.redrawnRanks(
      tests.map(({ step, j, kept }) => ({ step: step.n, kept, numbers: draws.test(j, round) })),
    );
    for (const [t, { step, j }] of tests.entries()) step.done[j] = (ranks[t] ?? Infinity) < stoppingConditionTopK;
    running = running.filter((j) => steps.some(({ done }) => !done[j]));
  }
  const undone = steps.flatMap(({ n, done }) => (done.includes(true) ? [] : [n]));
  if (undone.length > 0) {
    game.note(
      `reagent: no probe was done within ${maxProbeSteps} rounds (maxProbeSteps) for generation steps ${undone.join(", ")}; ` +
        "their scores are means over all probes",
    );
  }
  return steps.map(({ players, scores, done }) => {
    const counted = done.includes(true) ? scores.filter((_, j) => done[j]) : scores;
    const mean = new Float64Array(game.players);
    for (const row of counted) {
      const most = Math.max(...players.map((p) => row[p] ?? 0));
      const total = players.reduce((sum, p) => sum + Math.exp((row[p] ?? 0) - most), 0);
      for (const p of players) mean[p] = (mean[p] ?? 0) + Math.exp((row[p] ?? 0) - most) / total / counted.length;
    }
    return mean;
  });
}

/** The players that stay while the others are exchanged; what the step does not see stays, too. */
function tested(game: Game, players: readonly number[], scores: readonly number[], options: ReagentOptions): Coalition {
  const { keepTopN, keepRatio, invertKeep } = settings(options);
  const count = keepTopN > 0 ? keepTopN : Math.ceil(keepRatio * players.length);
  const best = [...players].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b).slice(0, count);
  const kept = everyone(game);
  for (const p of players) kept[p] = invertKeep ? 1 : 0;
  for (const p of best) kept[p] = invertKeep ? 0 : 1;
  return kept;
}

function clamped(change: number): number {
  return Math.max(-LARGEST_CHANGE, Math.min(LARGEST_CHANGE, change));
}

/** One number for each player: that of its first token. */
function firstOfPlayers({ sizes }: Game, numbers: Float64Array): number[] {
  let at = 0;
  return sizes.map((size) => {
    const first = numbers[at] ?? 0;
    at += size;
    return first;
  });
}

/** A stream for each probe, round and purpose: what a token draws depends neither on later ones nor on other probes. */
function drawsOf(game: Game): ReagentDraws {
  const count = game.sizes.reduce((sum, size) => sum + size, 0);
  const numbers = (probe: number, turn: number): Float64Array => {
    const random = game.random(pairing(probe, turn));
    return Float64Array.from({ length: count }, () => random.uniform());
  };
  return {
    start: (j) => numbers(j, 0),
    mask: (j, round) => numbers(j, 1 + 3 * round),
    exchange: (j, round) => numbers(j, 2 + 3 * round),
    test: (j, round) => numbers(j, 3 + 3 * round),
  };
}

/** A number for each pair of numbers, different ones for different pairs (Cantor). */
const pairing = (a: number, b: number): number => ((a + b) * (a + b + 1)) / 2 + b;

/** @throws OptionError when an option is none of what it may be */
function settings(options: ReagentOptions): Required<ReagentOptions> {
  const {
    keepTopN = 5,
    keepRatio = 0,
    invertKeep = false,
    stoppingConditionTopK = 3,
    replacingRatio = 0.3,
    maxProbeSteps = 3000,
    numProbes = 16,
  } = options;
  for (const [name, value] of Object.entries({ stoppingConditionTopK, maxProbeSteps, numProbes })) {
    if (Number.isInteger(value) && value > 0) continue;
    throw new OptionError(`${name}: expected a positive integer, received ${value}`);
  }
  if (!(Number.isInteger(keepTopN) && keepTopN >= 0)) {
    throw new OptionError(`keepTopN: expected an integer ≥ 0, received ${keepTopN}`);
  }
  if (!(replacingRatio > 0 && replacingRatio < 1)) {
    throw new OptionError(`replacingRatio: expected a probability between 0 and 1, received ${replacingRatio}`);
  }
  if (keepTopN === 0 && !(keepRatio > 0 && keepRatio < 1)) {
    throw new OptionError(
      `keepRatio: expected a share between 0 and 1 of the tokens to keep with keepTopN: 0, received ${options.keepRatio}`,
    );
  }
  if (keepTopN > 0 && options.keepRatio !== undefined) {
    throw new OptionError(`keepRatio: expected keepTopN: 0 beside it, received keepTopN ${keepTopN}; leave one out`);
  }
  return { keepTopN, keepRatio, invertKeep, stoppingConditionTopK, replacingRatio, maxProbeSteps, numProbes };
}
