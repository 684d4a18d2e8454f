/** Recovery: which share of the evidence is among the highest scores, as many as a share of all players and positive only. */

import { sizeOf } from "../erasure.ts";
import { evidenceAmong } from "../evidence.ts";
import { checkShare, type Metric } from "../metric.ts";
import { ranking } from "../ranking.ts";

export interface RecoveryOptions {
  /** How many players are looked at, as a share of all, rounded up. */
  readonly share?: number;
}

export const recovery: Metric<RecoveryOptions> = {
  formula: "evidence among the ⌈share · P⌉ highest positive scores / all evidence",
  paper: "FlashTrace, arXiv 2602.01914",
  unit: "share",
  better: "higher",
  range: [0, 1],
  cost: "none",
  needs: ["evidence"],
  defaults: { share: 0.1 },
  check: ({ share }) => checkShare("share", share),
  async run(question, { share }) {
    const top = ranking(question).slice(0, sizeOf(share, question.players));
    const positive = top.filter((player) => (question.scores[player] ?? 0) > 0);
    return { value: evidenceAmong(question, positive) / evidenceAmong(question) };
  },
};
