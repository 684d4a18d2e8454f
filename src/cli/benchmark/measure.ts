/** The records of one task: made, and noted as they are made. */

import { NumericError, OptionError, UnsupportedError } from "../../errors.ts";
import { type EvaluateOptions, evaluate } from "../../evaluate/evaluate.ts";
import { type EvaluatedMethod, isFloor } from "../../evaluate/explain.ts";
import type { BenchmarkArguments } from "../benchmarkOptions.ts";
import { createBenchmarkBar } from "../progress.ts";
import { asksForAll } from "./asked.ts";
import { evaluateOptions } from "./evaluateOptions.ts";
import type { Journal } from "./journal.ts";
import type { OpenTask } from "./openTask.ts";

export interface Measured {
  readonly open: OpenTask;
  readonly asked: readonly EvaluatedMethod[];
  readonly journal: Journal;
  readonly signal: AbortSignal;
}

/**
 * @param isWanted which items
 * @throws whatever evaluating throws; what was made until then is in the journal
 */
export async function measure(
  { open: { task, model, randomized, items }, asked, journal, signal }: Measured,
  args: BenchmarkArguments,
  isWanted: (item: number) => boolean = () => true,
): Promise<void> {
  const bar = createBenchmarkBar(!args.hideProgress);
  const options: EvaluateOptions = {
    ...evaluateOptions(args, model, items),
    signal,
    ...(randomized && { randomized }),
  };
  const at: { method: string | null } = { method: null };
  try {
    for (;;) {
      const gone = new Set(journal.leftOut(task.name).map(({ method }) => method));
      try {
        await evaluate(model, items, {
          ...options,
          methods: asked.filter(({ name }) => !gone.has(name)),
          skip: (item, method) => !isWanted(item) || journal.has(task.name, item, method),
          onEvaluation: (evaluation) => journal.add({ task: task.name, evaluation }),
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
        await journal.add({ task: task.name, leftOut: { method: at.method, reason: error.message } });
      }
    }
  } finally {
    bar.stop();
  }
}
