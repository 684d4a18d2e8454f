/**
 * How many rows go through the model in one pass, so that its activations stay within a number of bytes.
 *
 * A row is one generation step at one path point. Activations kept for the backward pass are counted as in Korthikanti et
 * al. (2022, arXiv 2205.05198, eq. 1): S·D·(34 + 5·H·S/D) numbers for each layer. There they have two bytes, here four;
 * the gradients of as many are alive at the same time in TensorFlow.js, which doubles it.
 */

import { MemoryError } from "../errors.ts";
import type { ModelFacts } from "../model/model.ts";

/** What a pass may use when the caller does not say: 1 GiB. */
export const DEFAULT_MEMORY_BUDGET = 2 ** 30;

/** Token positions at which a CPU's matrix products run at full speed; more rows would only widen the causal cone. */
const POSITIONS_FOR_FULL_SPEED = 1024;

const NUMBERS_PER_POSITION = 34 / 2;
const NUMBERS_PER_SCORE = 5 / 2;
const BYTES_PER_NUMBER = 4;
const FORWARD_AND_BACKWARD = 2;
/** Logits, their softmax, the gradients of both, and what the score keeps. */
const VOCABULARY_ROWS = 6;

/** Bytes of one row over `positions` positions. */
export function bytesPerRow(facts: ModelFacts, positions: number): number {
  const perLayer = positions * (facts.width * NUMBERS_PER_POSITION + facts.heads * positions * NUMBERS_PER_SCORE);
  const numbers = facts.layers * perLayer * FORWARD_AND_BACKWARD + VOCABULARY_ROWS * facts.vocabSize;
  return numbers * BYTES_PER_NUMBER;
}

export interface RowLimits {
  /** Bytes. */
  readonly memoryBudget: number;
  /** Token positions at which matrix products run at full speed, where they are not those of a CPU. */
  readonly positions?: number | undefined;
  /** Rows, if the caller has set a limit. */
  readonly rows?: number | undefined;
}

/** The most rows of one pass; never less than one. */
export function rowsPerPass(facts: ModelFacts, positions: number, limits: RowLimits): number {
  const affordable = Math.floor(limits.memoryBudget / bytesPerRow(facts, positions));
  return Math.max(1, Math.min(affordable, limits.rows ?? affordable));
}

/** How many consecutive steps share a pass: enough for full speed, and as many as the budget allows. */
export function stepsPerPass(facts: ModelFacts, positions: number, limits: RowLimits): number {
  const fullSpeed = limits.positions ?? POSITIONS_FOR_FULL_SPEED;
  return Math.min(rowsPerPass(facts, positions, limits), Math.max(1, Math.ceil(fullSpeed / positions)));
}

/**
 * After a pass of `rows` rows ran out of memory: half as many. The budget is an estimate, and other programs need memory, too.
 * @throws MemoryError when the pass had one row only; and any other error as it is
 */
export function fewerRows(error: unknown, rows: number): number {
  if (!(error instanceof MemoryError)) throw error;
  if (rows > 1) return Math.floor(rows / 2);
  const advice = "one step at one path point does not fit into memory; take a shorter text or another device";
  throw new MemoryError(`${error.message}; ${advice}`, { cause: error });
}
