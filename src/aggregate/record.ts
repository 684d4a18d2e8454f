/** Writing down what was done to the scores, as data that goes into a file. */

import type { AggregationRecord, Json, SequenceAttribution } from "../result/attribution.ts";

/** The sequence with one more entry in `aggregations`; functions by their names, other attributions as "…". */
export function recorded(
  sequence: SequenceAttribution,
  { aggregator, ...options }: { readonly aggregator: string } & Readonly<Record<string, unknown>>,
): SequenceAttribution {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  const record: AggregationRecord = {
    aggregator,
    ...Object.fromEntries(entries.map(([name, value]) => [name, asData(value)])),
  };
  return { ...sequence, aggregations: [...(sequence.aggregations ?? []), record] };
}

function asData(value: unknown): Json {
  if (typeof value === "function") return value.name || "a function";
  if (value instanceof RegExp) return String(value);
  // No JSON has an infinite number (vnormOrd).
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value === "object" && value !== null && "targetAttributions" in value) return "…";
  return value as Json;
}
