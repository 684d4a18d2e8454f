/** What `evaluate` is told of the command line. */

import type { AttributionModel } from "../../attributionModel.ts";
import type { EvaluateOptions } from "../../evaluate/evaluate.ts";
import type { EvaluationItem } from "../../evaluate/item.ts";
import type { MetricId } from "../../evaluate/registry.ts";
import type { RemovalOperator } from "../../evaluate/removal.ts";
import type { Players } from "../../method/perturbation/perturbation.ts";
import type { BenchmarkArguments } from "../benchmarkOptions.ts";

/** Metrics that look at evidence are asked by default where every item has some. */
export function evaluateOptions(
  args: BenchmarkArguments,
  { model }: AttributionModel,
  items: readonly EvaluationItem[],
): EvaluateOptions {
  const hasEvidence = items.every(({ evidence }) => evidence !== undefined);
  const usual: MetricId[] = ["aopc_comprehensiveness", "aopc_sufficiency", "deletion"];
  return {
    metrics: (args.metrics as MetricId[] | undefined) ?? [
      ...(hasEvidence ? (["auprc", "top_1"] as const) : []),
      ...usual,
    ],
    removal: (args.removal as RemovalOperator[] | undefined) ?? "mean",
    players: args.players as Players,
    attributeTarget: args.attributeTarget && model.kind === "encoder-decoder",
    seed: args.seed,
    ...(args.attributedFn !== undefined && { explained: { attributedFn: args.attributedFn } }),
    ...(args.measuredFn !== undefined && { measured: { attributedFn: args.measuredFn } }),
    ...(args.memoryBudget !== undefined && { memoryBudget: args.memoryBudget }),
  };
}
