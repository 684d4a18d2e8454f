/** Numbers of a benchmark as they are read. */

import type { Estimate } from "../../evaluate/bootstrap.ts";
import type { MeanCost } from "./outcome.ts";

/** `0.95 ± 0.02`, or a dash where there is none. */
export function estimateText({ mean, standardError }: Estimate): string {
  if (mean === null) return "–";
  return standardError === null ? rounded(mean) : `${rounded(mean)} ± ${rounded(standardError)}`;
}

/** Two decimals; what rounds to zero has no sign. */
const rounded = (value: number): string => value.toFixed(2).replace(/^-(0\.00)$/, "$1");

/** Seconds, forwards, backwards and peak memory as cells. */
export function costTexts({ seconds, forwards, backwards, peakBytes }: MeanCost): readonly string[] {
  const count = (value: number | null): string =>
    value === null ? "–" : value.toFixed(value < 10 ? 1 : 0).replace(/\.0$/, "");
  return [
    seconds < 0.0005 ? "0" : seconds.toPrecision(2),
    count(forwards),
    count(backwards),
    peakBytes === null ? "–" : (peakBytes / 1e6).toFixed(0),
  ];
}

export const costHeads = ["seconds", "forwards", "backwards", "peak MB"] as const;
