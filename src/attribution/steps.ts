/**
 * What is explained in each step: an attributed token, or the tokens of an output span together.
 *
 * The score of a span is the sum, or the mean, of its tokens' scores, so a step reads the model at several positions of one
 * row. Steps of different lengths are filled up with readings that do not count.
 *
 * Letters: G attributed tokens, N steps, L readings of a step.
 */

import type { Span } from "../text/span.ts";
import type { Sequence } from "./sequence.ts";

/** Indices g among the attributed tokens, ascending: token g stands at target position start + g. */
export type Step = readonly number[];

export const spanReductions = ["sum", "mean"] as const;
/** How the scores of a span's tokens become one. */
export type SpanReduction = (typeof spanReductions)[number];

/** Output spans to explain as one step each: ranges [start, end) of target tokens, within the attributed ones. */
export interface OutputSpans {
  readonly spans: readonly Span[];
  readonly reduction: SpanReduction;
}

/** Every token from ≤ g < to a step of its own. */
export const singleSteps = (from: number, to: number): Step[] =>
  Array.from({ length: to - from }, (_, i) => [from + i]);

/** All steps of a sequence. */
export function stepsOf({ start, end }: Sequence, output: OutputSpans | null): Step[] {
  if (output === null) return singleSteps(0, end - start);
  return output.spans.map(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i - start));
}

/** The steps with L readings each: [N][L], the last one of a shorter step several times. */
export function filled(steps: readonly Step[]): Step[] {
  const length = Math.max(...steps.map((step) => step.length));
  return steps.map((step) => Array.from({ length }, (_, l) => step[Math.min(l, step.length - 1)] ?? 0));
}

/** The share of each reading in its step's score, [N][L]. */
export function shares(steps: readonly Step[], reduction: SpanReduction): number[][] {
  const length = Math.max(...steps.map((step) => step.length));
  const one = (step: Step): number => (reduction === "mean" ? 1 / step.length : 1);
  return steps.map((step) => Array.from({ length }, (_, l) => (l < step.length ? one(step) : 0)));
}

/** The positions whose logits predict the tokens of each step, [N][L]. */
export const readingPositions = ({ start }: Sequence, steps: readonly Step[]): number[][] =>
  filled(steps).map((step) => step.map((g) => start + g - 1));

/** How many target tokens a step can see: those before its last one. */
export const tokensSeen = ({ start }: Sequence, step: Step): number => start + (step.at(-1) ?? 0);

/** How scores of target tokens are laid out: [rows, G]. Of spans every one has a row of its own, behind those of all tokens. */
export function targetRows({ target, end }: Sequence, output: OutputSpans | null): number {
  return output === null ? Math.min(target.ids.length, end) : target.ids.length + output.spans.length;
}
