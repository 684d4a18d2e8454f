/** The records of one task: made, noted as they are made, and put together. */

import type { AttributionModel } from "../../attributionModel.ts";
import { NumericError, OptionError, UnsupportedError } from "../../errors.ts";
import { type EvaluateOptions, evaluate } from "../../evaluate/evaluate.ts";
import { type EvaluatedMethod, isFloor } from "../../evaluate/explain.ts";
import type { EvaluationItem } from "../../evaluate/item.ts";
import type { MetricId } from "../../evaluate/registry.ts";
import type { RemovalOperator } from "../../evaluate/removal.ts";
import type { Players } from "../../method/perturbation/perturbation.ts";
import type { BenchmarkArguments } from "../benchmarkOptions.ts";
import { createBenchmarkBar } from "../progress.ts";
import { asksForAll } from "./asked.ts";
import type { Journal } from "./journal.ts";
import { outcomeOf, type TaskOutcome } from "./outcome.ts";
import type { Task } from "./task.ts";

export interface Measured {
  readonly model: AttributionModel;
  readonly task: Task;
  readonly items: readonly EvaluationItem[];
  readonly asked: readonly EvaluatedMethod[];
  readonly journal: Journal;
  readonly signal: AbortSignal;
}

/** @throws whatever evaluating throws; what was made until then is in the journal */
export async function measure(
  { model, task, items, asked, journal, signal }: Measured,
  args: BenchmarkArguments,
): Promise<TaskOutcome> {
  const bar = createBenchmarkBar(!args.hideProgress);
  const hasEvidence = items.every(({ evidence }) => evidence !== undefined);
  const usual: MetricId[] = ["aopc_comprehensiveness", "aopc_sufficiency", "deletion"];
  const options: EvaluateOptions = {
    metrics: (args.metrics as MetricId[] | undefined) ?? [
      ...(hasEvidence ? (["auprc", "top_1"] as const) : []),
      ...usual,
    ],
    removal: (args.removal as RemovalOperator[] | undefined) ?? "mean",
    players: args.players as Players,
    attributeTarget: args.attributeTarget && model.model.kind === "encoder-decoder",
    seed: args.seed,
    signal,
    ...(args.attributedFn !== undefined && { explained: { attributedFn: args.attributedFn } }),
    ...(args.measuredFn !== undefined && { measured: { attributedFn: args.measuredFn } }),
    ...(args.memoryBudget !== undefined && { memoryBudget: args.memoryBudget }),
  };
  const done = new Set(journal.evaluations(task.name).map(({ item, method }) => `${item} ${method}`));
  const at: { method: string | null } = { method: null };
  try {
    for (;;) {
      const gone = new Set(journal.leftOut(task.name).map(({ method }) => method));
      try {
        await evaluate(model, items, {
          ...options,
          methods: asked.filter(({ name }) => !gone.has(name)),
          skip: (item, method) => done.has(`${item} ${method}`),
          onEvaluation: (evaluation) => {
            journal.add({ task: task.name, evaluation });
            done.add(`${evaluation.item} ${evaluation.method}`);
          },
          onProgress: (progress) => {
            at.method = progress.method;
            bar.update({ task: task.name, ...progress });
          },
        });
        break;
      } catch (error) {
        // Of all methods there are, some do not fit a model or an item: the others go on, and the report says why.
        const isRefused = [OptionError, UnsupportedError, NumericError].some((kind) => error instanceof kind);
        if (!(error instanceof Error) || !asksForAll(args) || !isRefused || at.method === null || isFloor(at.method))
          throw error;
        journal.add({ task: task.name, leftOut: { method: at.method, reason: error.message } });
      }
    }
  } finally {
    bar.stop();
  }
  const about = { task: task.name, model: task.modelName, backend: model.backend.name, items: items.length };
  return outcomeOf({ ...about, leftOut: journal.leftOut(task.name) }, journal.evaluations(task.name));
}
