/** The function while players are removed, or revealed, one step after the other along an order. */

import { type Curve, checkCount, type FunctionName, type Question } from "./metric.ts";
import { evenCounts, keeping, removing } from "./ranking.ts";

export interface CurveOptions {
  /** The most steps from none of the players to all of them. */
  readonly steps?: number;
}

export function checkSteps({ steps }: Required<CurveOptions>): void {
  checkCount("steps", steps);
}

/** f with the first k players of an order removed, k from 0 to P. */
export async function removalCurve(
  question: Question,
  order: readonly number[],
  steps: number,
  of: FunctionName = "measured",
): Promise<Curve> {
  return await curveOf(question, order, steps, removing, of);
}

/** f with the first k players of an order alone, k from 0 to P. */
export async function revealCurve(question: Question, order: readonly number[], steps: number): Promise<Curve> {
  return await curveOf(question, order, steps, keeping, "measured");
}

async function curveOf(
  question: Question,
  order: readonly number[],
  steps: number,
  left: typeof removing,
  of: FunctionName,
): Promise<Curve> {
  const counts = evenCounts(question.players, steps);
  const values = await question.value(
    counts.map((count) => left(question, order.slice(0, count))),
    of,
  );
  return { shares: counts.map((count) => count / question.players), values: [...values] };
}
