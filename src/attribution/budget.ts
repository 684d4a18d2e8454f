/**
 * How many rows go through the model in one pass, so that what it keeps stays within a number of bytes.
 *
 * A row is one generation step at one path point. Activations kept for the backward pass are counted as in Korthikanti et
 * al. (2022, arXiv 2205.05198, eq. 1): S·D·(34 + 5·H·S/D) numbers for each layer; there they have two bytes, here four.
 * A backend that stores what repeats once keeps them once for all steps of a point. Cotangents are disposed of after their
 * last use (src/ops/gradients.ts): those of one block are alive at a time.
 */

import { MemoryError } from "../errors.ts";
import type { ModelFacts } from "../model/model.ts";

/** What a pass may use when the caller does not say: 1 GiB. */
export const DEFAULT_MEMORY_BUDGET = 2 ** 30;

/**
 * Token positions of a pass. With more of them fewer passes repeat the forward pass, but their rows differ more in length
 * and keep more memory. Hardly tuned: no better value is known.
 */
const POSITIONS_PER_PASS = 3072;

const KEPT_PER_POSITION = 34 / 2;
const KEPT_PER_SCORE = 5 / 2;
/** Cotangents and results of a block at its widest: two of the feed-forward width 4·D, two of 3·D, two of D. */
const ALIVE_PER_POSITION = 16;
/**
 * What a block's forward pass makes until it is done, when nothing is kept for a gradient: measured on native with four layers of
 * width 256, 24.3 for GPT-2 and 26.2 for Llama, whatever the length. Backends without our kernels exceed the estimate, because
 * there an activation is many operations: on wasm it was 72 and 34.
 */
const MADE_PER_POSITION = 26;
const BYTES_PER_NUMBER = 4;
/** Logits, their softmax, the gradients of both, and what the score keeps. */
const VOCABULARY_ROWS = 6;
/** The tangent of logits, the text's own probabilities beside each, and products of both. */
const VOCABULARY_ROWS_OF_TANGENT = 5;

export interface RowLimits {
  /** Bytes. */
  readonly memoryBudget: number;
  /** Token positions of a pass, where not those that suit a CPU. */
  readonly positions?: number | undefined;
  /** Rows, if the caller has set a limit. */
  readonly rows?: number | undefined;
}

export interface PassLimits extends RowLimits {
  /** Whether the backend stores repeated rows once. */
  readonly sharesRepeats: boolean;
  /** Positions at which a row is read; 1 by default. */
  readonly readings?: number | undefined;
}

/** Bytes of one path point with so many steps over `positions` positions. */
export function bytesPerPoint(
  facts: ModelFacts,
  positions: number,
  steps: number,
  { sharesRepeats, readings = 1 }: Pick<PassLimits, "sharesRepeats" | "readings">,
): number {
  const { layers, width, heads, vocabSize } = facts;
  const kept = layers * positions * (width * KEPT_PER_POSITION + heads * positions * KEPT_PER_SCORE);
  const alive = positions * width * ALIVE_PER_POSITION + VOCABULARY_ROWS * vocabSize * readings;
  return BYTES_PER_NUMBER * (kept * (sharesRepeats ? 1 : steps) + alive * steps);
}

/** How many consecutive steps share a pass. */
export function stepsPerPass(facts: ModelFacts, positions: number, limits: PassLimits): number {
  const { memoryBudget, rows = Infinity, positions: ofPass = POSITIONS_PER_PASS } = limits;
  const one = bytesPerPoint(facts, positions, 1, limits);
  const another = bytesPerPoint(facts, positions, 2, limits) - one;
  const affordable = 1 + Math.floor((memoryBudget - one) / another);
  return Math.max(1, Math.min(affordable, rows, Math.ceil(ofPass / positions)));
}

/** The most rows of a pass with so many steps for each of its points; never less than one point. */
export function rowsPerPass(facts: ModelFacts, positions: number, steps: number, limits: PassLimits): number {
  const { memoryBudget, rows = Infinity, positions: ofPass = POSITIONS_PER_PASS } = limits;
  const affordable = Math.floor(memoryBudget / bytesPerPoint(facts, positions, steps, limits));
  const enough = Math.ceil(ofPass / (positions * steps));
  return Math.max(1, Math.min(rows, steps * Math.max(1, Math.min(affordable, enough))));
}

/**
 * How many perturbed inputs share a pass without gradients, and at how many steps each is read: of such a pass no more is
 * alive than one block's activations, the scores of its attention, and the logits.
 */
export function perturbationsPerPass(
  facts: ModelFacts,
  positions: number,
  steps: number,
  limits: RowLimits,
): { rows: number; steps: number } {
  const { memoryBudget, rows = Infinity, positions: ofPass = POSITIONS_PER_PASS } = limits;
  const block = BYTES_PER_NUMBER * positions * (facts.width * MADE_PER_POSITION + facts.heads * positions);
  const logits = BYTES_PER_NUMBER * VOCABULARY_ROWS * facts.vocabSize;
  const stepsRead = Math.max(1, Math.min(steps, Math.floor((memoryBudget - block) / logits)));
  const affordable = Math.floor(memoryBudget / (block + stepsRead * logits));
  return { rows: Math.max(1, Math.min(affordable, rows, Math.ceil(ofPass / positions))), steps: stepsRead };
}

/**
 * How many directions share a pass of tangents, and at how many steps each is read. What the pass at the text keeps is as
 * much as a gradient's, without scores of attention, and goes away as tangents go forwards, of which those of one block are
 * alive, or those of the logits.
 */
export function tangentsPerPass(
  facts: ModelFacts,
  positions: number,
  steps: number,
  limits: PassLimits,
): { rows: number; steps: number } {
  const { memoryBudget, rows = Infinity, positions: ofPass = POSITIONS_PER_PASS, sharesRepeats } = limits;
  const { layers, width, vocabSize } = facts;
  const kept = BYTES_PER_NUMBER * layers * positions * width * KEPT_PER_POSITION;
  const block = BYTES_PER_NUMBER * positions * width * ALIVE_PER_POSITION;
  const ofText = BYTES_PER_NUMBER * VOCABULARY_ROWS * vocabSize;
  const ofTangent = BYTES_PER_NUMBER * VOCABULARY_ROWS_OF_TANGENT * vocabSize;
  const free = memoryBudget - kept - block;
  const stepsRead = Math.max(1, Math.min(steps, Math.floor(free / (ofText + ofTangent))));
  const logits = stepsRead * ofText;
  const affordable = sharesRepeats
    ? Math.min((memoryBudget - kept - logits) / block, (memoryBudget - logits) / (stepsRead * ofTangent))
    : memoryBudget / (kept + logits + Math.max(block, stepsRead * ofTangent));
  const enough = Math.ceil(ofPass / positions);
  return { rows: Math.max(1, Math.min(Math.floor(affordable), rows, enough)), steps: stepsRead };
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

/** The first of as few parts of `length` as `size` allows, and as even ones. */
export const evenPart = (length: number, size: number): number => Math.ceil(length / Math.ceil(length / size));
