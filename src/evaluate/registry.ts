/** The metrics by their identifiers. */

import type { ErasureOptions } from "./erasure.ts";
import type { Metric } from "./metric.ts";
import { averagePrecision } from "./metrics/averagePrecision.ts";
import { aopcComprehensiveness, comprehensiveness } from "./metrics/comprehensiveness.ts";
import { aopcSufficiency, sufficiency } from "./metrics/sufficiency.ts";

/** Every option of every metric; `metrics[id].defaults` says which belong to which. */
export interface MetricOptions extends ErasureOptions {}

/** A metric whatever its options are. */
export type AnyMetric = Omit<Metric<MetricOptions>, "defaults"> & { readonly defaults: MetricOptions };

export const metrics = {
  comprehensiveness,
  aopc_comprehensiveness: aopcComprehensiveness,
  sufficiency,
  aopc_sufficiency: aopcSufficiency,
  auprc: averagePrecision,
} as const satisfies Record<string, AnyMetric>;

export type MetricId = keyof typeof metrics;

/** Identifiers of all metrics. */
export function listMetrics(): MetricId[] {
  return Object.keys(metrics) as MetricId[];
}
