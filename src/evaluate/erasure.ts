/**
 * Rationales of several sizes, and how much is lost when each is removed or kept alone: the common part of
 * comprehensiveness, sufficiency and log-odds (DeYoung et al. 2020, arXiv 1911.03429).
 *
 * The published variants differ in which rationales count:
 *   `eraser`  ⌈share · P⌉ players, all of them; the mean over the shares (the code of ERASER)
 *   `paper`   the same, divided by one more than there are shares: the empty rationale, which loses nothing, counts
 *   `ferret`  ⌊share · P⌋ players of which those with positive scores are left; empty ones, and such as equal the one before,
 *             do not count (Attanasio et al. 2023, arXiv 2208.01575)
 */

import { OptionError } from "../errors.ts";
import { type Coalition, everyone } from "../method/perturbation/game.ts";
import { knownName } from "../names.ts";
import { checkShare, type FunctionName, type Measured, type Question } from "./metric.ts";
import { ranking } from "./ranking.ts";

export const erasureProtocols = ["eraser", "paper", "ferret"] as const;

export interface ErasureOptions {
  /** Sizes of the rationales, as shares of the players. */
  readonly shares?: readonly number[];
  /** Which rationales count, and how their mean is taken. */
  readonly protocol?: (typeof erasureProtocols)[number];
}

/** @throws OptionError when a share is none, or there is no such protocol */
export function checkErasure({ shares, protocol }: Required<ErasureOptions>): void {
  if (!Array.isArray(shares) || shares.length === 0) {
    throw new OptionError(`shares: expected at least one share, received ${JSON.stringify(shares)}`);
  }
  for (const share of shares) checkShare("shares", share);
  knownName("protocol", protocol, erasureProtocols);
}

/** The mean of f(x) − f(left of x) over the rationales; null when none of them counts. */
export async function meanLoss(
  question: Question,
  { shares, protocol }: Required<ErasureOptions>,
  left: (question: Question, rationale: readonly number[]) => Coalition,
  of: FunctionName,
): Promise<Measured> {
  const rationales = rationalesOf(question, shares, protocol);
  if (rationales.length === 0) return { value: null };
  const coalitions = rationales.map((rationale) => left(question, rationale));
  const [whole = Number.NaN, ...parts] = await question.value([everyone(question), ...coalitions], of);
  const losses = parts.map((part) => whole - part);
  const total = losses.reduce((sum, loss) => sum + loss, 0);
  return {
    value: total / (losses.length + (protocol === "paper" ? 1 : 0)),
    curve: { shares: rationales.map(({ length }) => length / question.players), values: losses },
  };
}

function rationalesOf(
  question: Question,
  shares: readonly number[],
  protocol: (typeof erasureProtocols)[number],
): number[][] {
  const order = ranking(question);
  if (protocol !== "ferret") return shares.map((share) => order.slice(0, sizeOf(share, question.players)));
  const positive = order.filter((player) => (question.scores[player] ?? 0) > 0);
  const all = shares.map((share) => positive.slice(0, Math.floor(share * question.players + ROUNDING)));
  // Prefixes of one order are the same when they are equally long.
  return all.filter(({ length }, i) => length > 0 && length !== all[i - 1]?.length);
}

/** 0.1 · 30 is a little more than 3 in binary: it counts as 3. */
const ROUNDING = 1e-9;

/** ⌈share · players⌉ */
export function sizeOf(share: number, players: number): number {
  return Math.ceil(share * players - ROUNDING);
}
