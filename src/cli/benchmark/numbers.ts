/** Numbers of a benchmark as they are read. */

import type { Estimate } from "../../evaluate/bootstrap.ts";
import type { MeanCost } from "./outcome.ts";

/** `0.95 ± 0.02`, or a dash where there is none; small numbers with the decimals that show the larger of the two, or as `3e-7`. */
export function estimateText({ mean, standardError }: Estimate): string {
  if (mean === null) return "–";
  const largest = Math.max(Math.abs(mean), standardError ?? 0);
  const decimals = largest === 0 ? 2 : Math.max(2, Math.ceil(-Math.log10(largest)));
  const text = (value: number): string => {
    if (decimals > MOST_DECIMALS) return value === 0 ? "0" : value.toExponential(0);
    return value.toFixed(decimals).replace(/^-(?=[0.]*$)/, "");
  };
  return standardError === null ? text(mean) : `${text(mean)} ± ${text(standardError)}`;
}

const MOST_DECIMALS = 4;

/** Seconds, forwards, backwards and peak memory as cells. */
export function costTexts({ seconds, forwards, backwards, peakBytes }: MeanCost): readonly string[] {
  const count = (value: number | null): string =>
    value === null ? "–" : value.toFixed(value < 10 ? 1 : 0).replace(/\.0$/, "");
  return [
    seconds < 0.0005 ? "0" : seconds < 10 ? seconds.toPrecision(2) : seconds.toFixed(0),
    count(forwards),
    count(backwards),
    peakBytes === null ? "–" : (peakBytes / 1e6).toFixed(0),
  ];
}

export const costHeads = ["seconds", "forwards", "backwards", "peak MB"] as const;
