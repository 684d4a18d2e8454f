/** The metrics by their identifiers. */

import type { CorrelationOptions } from "./correlation.ts";
import type { ErasureOptions } from "./erasure.ts";
import type { Metric } from "./metric.ts";
import { averagePrecision, type PrecisionOptions } from "./metrics/averagePrecision.ts";
import { completenessGap } from "./metrics/completenessGap.ts";
import { aopcComprehensiveness, comprehensiveness } from "./metrics/comprehensiveness.ts";
import { deletion } from "./metrics/deletion.ts";
import { dotProduct } from "./metrics/dotProduct.ts";
import { type InfidelityOptions, infidelity } from "./metrics/infidelity.ts";
import { insertion } from "./metrics/insertion.ts";
import { leaveOneOutCorrelation } from "./metrics/leaveOneOutCorrelation.ts";
import { logOdds } from "./metrics/logOdds.ts";
import { mas } from "./metrics/mas.ts";
import { maxSensitivity, type SensitivityOptions } from "./metrics/maxSensitivity.ts";
import { morfLerf } from "./metrics/morfLerf.ts";
import { parameterRandomization } from "./metrics/parameterRandomization.ts";
import { probesNeeded } from "./metrics/probesNeeded.ts";
import { reciprocalRank } from "./metrics/reciprocalRank.ts";
import { type RecoveryOptions, recovery } from "./metrics/recovery.ts";
import { relevanceMass } from "./metrics/relevanceMass.ts";
import { rise } from "./metrics/rise.ts";
import { softComprehensiveness, softNormalizedComprehensiveness } from "./metrics/softComprehensiveness.ts";
import { softNormalizedSufficiency, softSufficiency } from "./metrics/softSufficiency.ts";
import { aopcSufficiency, sufficiency } from "./metrics/sufficiency.ts";
import { tokenF1 } from "./metrics/tokenF1.ts";
import { tokenIou } from "./metrics/tokenIou.ts";
import { topOne } from "./metrics/topOne.ts";
import type { CurveOptions } from "./perturbationCurve.ts";
import type { SoftOptions } from "./soft.ts";
import type { TopOptions } from "./topPlayers.ts";

/** Every option of every metric; `metrics[id].defaults` says which belong to which. */
export interface MetricOptions
  extends ErasureOptions,
    SoftOptions,
    CurveOptions,
    InfidelityOptions,
    SensitivityOptions,
    CorrelationOptions,
    PrecisionOptions,
    RecoveryOptions,
    TopOptions {}

/** A metric whatever its options are. */
export type AnyMetric = Omit<Metric<MetricOptions>, "defaults"> & { readonly defaults: MetricOptions };

/** All metrics by their names. */
export const metrics = {
  comprehensiveness,
  aopc_comprehensiveness: aopcComprehensiveness,
  sufficiency,
  aopc_sufficiency: aopcSufficiency,
  soft_comprehensiveness: softComprehensiveness,
  soft_normalized_comprehensiveness: softNormalizedComprehensiveness,
  soft_sufficiency: softSufficiency,
  soft_normalized_sufficiency: softNormalizedSufficiency,
  log_odds: logOdds,
  insertion,
  deletion,
  morf_lerf: morfLerf,
  rise,
  mas,
  infidelity,
  max_sensitivity: maxSensitivity,
  leave_one_out_correlation: leaveOneOutCorrelation,
  completeness_gap: completenessGap,
  parameter_randomization: parameterRandomization,
  top_1: topOne,
  recovery,
  mrr: reciprocalRank,
  probes_needed: probesNeeded,
  auprc: averagePrecision,
  token_f1: tokenF1,
  token_iou: tokenIou,
  dot_product: dotProduct,
  relevance_mass: relevanceMass,
} as const satisfies Record<string, AnyMetric>;

/** The name of a metric. */
export type MetricId = keyof typeof metrics;

/** Identifiers of all metrics. */
export function listMetrics(): MetricId[] {
  return Object.keys(metrics) as MetricId[];
}
