/**
 * Beam search as Hugging Face transformers does it, and beam sampling.
 *
 * Each row has numBeams running hypotheses and as many places for finished ones. In a step all running hypotheses are
 * extended by all tokens, and the best K = numBeams · max(2, 1 + number of EOS tokens) extensions are looked at: those
 * that end compete, if among the best numBeams, for the places; the best numBeams of the others run on. A running score
 * is the sum of processed log probabilities; a finished one is that sum ÷ (new tokens)^lengthPenalty.
 *
 * Scores are float32 and −10⁹ stands for "cannot be chosen", as in the reference, whose choices depend on both. Among
 * equal scores the one that comes first wins. With `draw`, the K extensions are drawn without replacement from
 * softmax(scores), which is the same as taking the best K of scores plus Gumbel noise (Kool et al. 2019, arXiv 1903.06059).
 */

import { OptionError } from "../../errors.ts";
import type { Random } from "../../random.ts";
import { logSoftmax } from "./logitsProcessors.ts";
import type { NextLogits } from "./nextLogits.ts";
import { mostSteps, type Row, type SearchHooks } from "./rows.ts";

export interface BeamOptions {
  readonly numBeams: number;
  readonly lengthPenalty: number;
  readonly earlyStopping: boolean | "never";
}

interface Hypothesis {
  readonly ids: readonly number[];
  readonly score: number;
}

interface Extension extends Hypothesis {
  /** The running hypothesis that it extends. */
  readonly beam: number;
  readonly ends: boolean;
}

interface Finished extends Hypothesis {
  /** The place is taken. */
  readonly done: boolean;
}

interface State {
  readonly row: Row;
  readonly running: readonly Hypothesis[];
  /** Best first. */
  readonly finished: readonly Finished[];
  readonly over: boolean;
  /** For each running hypothesis which one it was before. */
  readonly cameFrom: readonly number[];
}

const IMPOSSIBLE = -1e9;

/**
 * Each row's best finished hypothesis, its start included, up to and with its EOS.
 * @param draw the random numbers of each row, for beam sampling
 * @throws OptionError when every token is forbidden
 */
export async function beamSearch(
  model: NextLogits,
  rows: readonly Row[],
  options: BeamOptions,
  draw: readonly Random[] | undefined,
  { onStep, signal }: SearchHooks,
): Promise<number[][]> {
  const { numBeams } = options;
  const states = rows.map((row) => begin(row, numBeams));
  const maxSteps = mostSteps(rows);
  let running = rows.map((_, r) => r);
  for (let step = 1; running.length > 0; step++) {
    signal?.throwIfAborted();
    // All beams of a row are the same before the first step, so the model sees the row once.
    const first = step === 1;
    const fed = running.flatMap((r) => (states[r]?.running ?? []).slice(0, first ? 1 : numBeams));
    const logits = await model.of(fed.map(({ ids }) => ids));
    const kept: number[] = [];
    for (const [i, r] of running.entries()) {
      const state = states[r];
      if (state === undefined) continue;
      const at = (beam: number): number => (first ? i : i * numBeams + beam);
      const scores = state.running.map(({ ids }, beam) =>
        state.row.process(ids, logSoftmax(logits[at(beam)] ?? new Float32Array())),
      );
      const next = advance(state, scores, options, draw?.[r]);
      states[r] = next;
      if (!next.over) kept.push(...next.cameFrom.map(at));
    }
    running = running.filter((r) => states[r]?.over === false);
    if (running.length > 0) model.keep(kept);
    onStep?.({ step, maxSteps, unfinished: running.length, sequences: states.map((state) => [...best(state)]) });
  }
  return states.map((state) => [...best(state)]);
}

function begin(row: Row, numBeams: number): State {
  // Only the first of the equal beams may be extended at first, or they would all stay equal.
  const running = Array.from({ length: numBeams }, (_, b) => ({ ids: row.start, score: b === 0 ? 0 : IMPOSSIBLE }));
  const finished = running.map(() => ({ ids: row.start, score: IMPOSSIBLE, done: false }));
  return { row, running, finished, over: false, cameFrom: running.map((_, b) => b) };
}

function advance(state: State, scores: readonly Float32Array[], options: BeamOptions, random?: Random): State {
  const { row } = state;
  const { numBeams, lengthPenalty, earlyStopping } = options;
  const length = (state.running[0]?.ids.length ?? 0) + 1;
  const looked = numBeams * Math.max(2, 1 + row.eos.length);
  const extensions = bestExtensions(state.running, scores, looked, random).map(({ beam, token, score }): Extension => {
    const ids = [...(state.running[beam]?.ids ?? []), token];
    return { ids, score, beam, ends: row.eos.includes(token) || length >= row.maxLength };
  });
  if (!extensions.some(({ score }) => score > Number.NEGATIVE_INFINITY)) {
    throw new OptionError(
      `generation: expected at least one token that may come next, but the rules forbid all at length ${length - 1} of ` +
        `row ${row.input}; loosen badWordsIds, suppressTokens, noRepeatNgramSize or minLength`,
    );
  }

  const survivors = extensions.map((extension) => ({
    ...extension,
    score: extension.ends ? Math.fround(extension.score + IMPOSSIBLE) : extension.score,
  }));
  const running = bestOf(survivors, numBeams);

  const divisor = (length - row.start.length) ** lengthPenalty;
  const candidates = extensions.map(({ ids, score, ends }, rank): Finished => {
    const done = ends && rank < numBeams;
    const normalized = Math.fround(score / Math.fround(divisor));
    return { ids, done, score: Math.fround(normalized + (done ? 0 : IMPOSSIBLE)) };
  });
  const finished = bestOf([...state.finished, ...candidates], numBeams);

  const over =
    !canImprove(running[0]?.score ?? IMPOSSIBLE, finished, length, row, options) ||
    (earlyStopping === true && finished.every(({ done }) => done)) ||
    extensions.every(({ ends }) => ends);
  return { row, running, finished, over, cameFrom: running.map(({ beam }) => beam) };
}

/**
 * Whether a running hypothesis might still beat a finished one, guessing that it would end here; with "never", that it
 * would end at the length that is best for it.
 */
function canImprove(
  bestRunning: number,
  finished: readonly Finished[],
  length: number,
  { start, maxLength }: Row,
  { earlyStopping, lengthPenalty }: BeamOptions,
): boolean {
  const end = earlyStopping === "never" && lengthPenalty > 0 ? maxLength : length;
  const reachable = Math.fround(bestRunning / Math.fround((end - start.length) ** lengthPenalty));
  const worst = Math.min(...finished.map(({ score }) => score));
  return finished.some(({ done }) => reachable > (done ? worst : IMPOSSIBLE));
}

/** The `count` best extensions, best first; drawn ones, in the order drawn. */
function bestExtensions(
  running: readonly Hypothesis[],
  scores: readonly Float32Array[],
  count: number,
  random: Random | undefined,
): { beam: number; token: number; score: number }[] {
  const found: { beam: number; token: number; score: number; key: number }[] = [];
  for (const [beam, { score: before }] of running.entries()) {
    const logProbabilities = scores[beam] ?? new Float32Array();
    for (let token = 0; token < logProbabilities.length; token++) {
      const score = Math.fround((logProbabilities[token] ?? Number.NaN) + before);
      const key = random === undefined ? score : score + random.gumbel();
      const last = found.at(-1);
      if (found.length === count && last !== undefined && key <= last.key) continue;
      let place = found.length;
      while (place > 0 && key > (found[place - 1]?.key ?? 0)) place -= 1;
      found.splice(place, 0, { beam, token, score, key });
      if (found.length > count) found.pop();
    }
  }
  return found;
}

/** The `count` of highest score, best first, ties in order. */
function bestOf<Item extends Hypothesis>(items: readonly Item[], count: number): Item[] {
  return [...items].sort((a, b) => compare(b.score, a.score)).slice(0, count);
}

/** a − b, where −∞ equals −∞. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

/** The best running hypothesis; when the search is over, the best finished one. */
function best({ finished, running, over }: State): readonly number[] {
  return (over ? finished : running)[0]?.ids ?? [];
}
