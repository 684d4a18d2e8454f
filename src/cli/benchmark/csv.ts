/** A benchmark's table for spreadsheets (RFC 4180): a row for each task, method and metric. */

import { priors, type TaskOutcome } from "./outcome.ts";

export function benchmarkCsv(outcomes: readonly TaskOutcome[]): string {
  const rows = outcomes.flatMap(({ task, model, methods }) =>
    methods.flatMap(({ method, summaries, gains, cost }) =>
      summaries.map(({ metric, removal, mean, standardError, items }, i) => [
        task,
        model,
        method,
        metric,
        removal,
        mean,
        standardError,
        items,
        ...priors.flatMap((prior) => [gains[prior][i]?.mean ?? null, gains[prior][i]?.standardError ?? null]),
        cost.seconds,
        cost.forwards,
        cost.backwards,
        cost.peakBytes,
      ]),
    ),
  );
  return [head, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

const head = [
  "task",
  "model",
  "method",
  "metric",
  "removal",
  "mean",
  "standard_error",
  "items",
  ...priors.flatMap((prior) => [`gain_over_${prior}`, `gain_over_${prior}_standard_error`]),
  "seconds",
  "forwards",
  "backwards",
  "peak_bytes",
];

function cell(value: string | number | null): string {
  const text = value === null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
