/** Counting evidence among players. */

import type { Question } from "./metric.ts";

export const isEvidence = ({ evidence }: Pick<Question, "evidence">, player: number): boolean =>
  evidence?.[player] === 1;

/** How many of some players are evidence; of all of them when none are named. */
export function evidenceAmong(question: Pick<Question, "evidence">, players?: readonly number[]): number {
  if (players !== undefined) return players.filter((player) => isEvidence(question, player)).length;
  return question.evidence?.reduce((sum, one) => sum + one, 0) ?? 0;
}
