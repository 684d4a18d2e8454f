/** A rationale of a fixed size: so many players with the highest scores. */

import { OptionError } from "../errors.ts";
import { evidenceAmong } from "./evidence.ts";
import type { Question } from "./metric.ts";
import { ranking } from "./ranking.ts";

export interface TopOptions {
  /** How many players count as found: a number, at most all, or as many as there is evidence. */
  readonly k?: number | "evidence";
  /** Players with positive scores alone, as in ferret. */
  readonly positive?: boolean;
}

export const topDefaults = { k: 5, positive: false } as const;

/** @throws OptionError unless k is a positive integer or "evidence" */
export function checkTop({ k, positive }: Required<TopOptions>): void {
  if (typeof positive !== "boolean") {
    throw new OptionError(`positive: expected true or false, received ${JSON.stringify(positive)}`);
  }
  if (k === "evidence" || (Number.isInteger(k) && k > 0)) return;
  throw new OptionError(`k: expected a positive integer or "evidence", received ${JSON.stringify(k)}`);
}

/** How many players are taken, how many of them are evidence, and how much evidence there is. */
export function overlap(
  question: Question,
  { k, positive }: Required<TopOptions>,
): { taken: number; found: number; evidence: number } {
  const evidence = evidenceAmong(question);
  const top = ranking(question).slice(0, k === "evidence" ? evidence : k);
  const rationale = positive ? top.filter((player) => (question.scores[player] ?? 0) > 0) : top;
  return { taken: rationale.length, found: evidenceAmong(question, rationale), evidence };
}
