/** What one row of a batch is asked to do, with every length and rule resolved. */

import type { LogitsProcessor } from "./logitsProcessors.ts";

export interface Row {
  /** Its place among the inputs. */
  readonly input: number;
  /** The prompt, or the decoder start token and the target prefix. */
  readonly start: readonly number[];
  /** Tokens at most, `start` included. */
  readonly maxLength: number;
  /** All rules, in their order. */
  readonly process: LogitsProcessor;
  readonly eos: readonly number[];
}

/** What a search reports after each step. */
export interface GenerationStep {
  /** Counted from 1. */
  readonly step: number;
  /** The most steps that there can be. */
  readonly maxSteps: number;
  /** Rows that are not finished. */
  readonly unfinished: number;
  /** Every row's tokens so far, prompt or decoder start included; of a beam search the best running hypothesis. */
  readonly sequences: readonly (readonly number[])[];
}

export interface SearchHooks {
  readonly onStep?: ((step: GenerationStep) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The most steps that any of the rows can take. */
export function mostSteps(rows: readonly Row[]): number {
  return Math.max(...rows.map(({ start, maxLength }) => maxLength - start.length));
}
