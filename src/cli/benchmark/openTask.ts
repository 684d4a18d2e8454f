/** A task with its model loaded and its items read. */

import type { AttributionModel } from "../../attributionModel.ts";
import type { BackendName } from "../../backend/backend.ts";
import { OptionError } from "../../errors.ts";
import { unfitItems } from "../../evaluate/fit.ts";
import type { EvaluationItem } from "../../evaluate/item.ts";
import { randomizeParameters } from "../../evaluate/randomizeParameters.ts";
import type { MetricId } from "../../evaluate/registry.ts";
import { metrics } from "../../evaluate/registry.ts";
import { loadModel } from "../../loadModel.ts";
import type { BenchmarkArguments } from "../benchmarkOptions.ts";
import { numberOptions } from "../openModel.ts";
import { createDownloadBar } from "../progress.ts";
import { evaluateOptions } from "./evaluateOptions.ts";
import type { Task } from "./task.ts";

export interface OpenTask {
  readonly task: Task;
  readonly model: AttributionModel;
  /** The same model with random weights, where a metric asks for it. */
  readonly randomized: AttributionModel | undefined;
  readonly items: readonly EvaluationItem[];
  /** What was wrong with rows and items that were left out. */
  readonly faults: readonly string[];
  readonly dispose: () => void;
}

/** @throws whatever loading the model and reading the items throw */
export async function openTask(
  task: Task,
  args: BenchmarkArguments,
  backend: BackendName | "auto",
  signal: AbortSignal,
): Promise<OpenTask> {
  const loaded: AttributionModel[] = [];
  const load = async (): Promise<AttributionModel> => {
    const downloads = createDownloadBar(!args.hideProgress);
    const options = { backend, ...numberOptions(args), onDownload: downloads.update, signal };
    const model = await loadModel(task.model, undefined, options).finally(downloads.stop);
    loaded.push(model);
    return model;
  };
  const dispose = () => {
    for (const model of loaded) model.dispose();
  };
  try {
    const model = await load();
    const { items, faults } = await fittingItems(task, model, args);
    const isRandomized = (args.metrics ?? []).some((id) => metrics[id as MetricId].needs.includes("randomized"));
    const randomized = isRandomized ? await load() : undefined;
    if (randomized !== undefined) await randomizeParameters(randomized, args.seed);
    return { task, model, randomized, items, faults, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/**
 * The items that can be evaluated, and what is wrong with the others.
 * @throws FileError or OptionError for the first fault unless they are to be skipped, and where nothing is left
 */
async function fittingItems(
  task: Task,
  model: AttributionModel,
  args: BenchmarkArguments,
): Promise<Pick<OpenTask, "items" | "faults">> {
  const faults: string[] = [];
  const note = ({ message }: Error) => void faults.push(message);
  const read = await task.items(model.model.kind, args.onError === "skip" ? note : undefined);
  const unfit = await unfitItems(model, read, evaluateOptions(args, model, read));
  const [first] = unfit;
  if (first !== undefined && args.onError === "stop") {
    // What no item fits is no fault of the items.
    const hint = unfit.length < read.length ? "; --on_error skip leaves such items out" : "";
    throw new OptionError(first.reason + hint);
  }
  const gone = new Set(unfit.map(({ item }) => item));
  const items = read.filter((_, i) => !gone.has(i));
  faults.push(...unfit.map(({ reason }) => reason));
  if (items.length > 0) return { items, faults };
  throw new OptionError(`${task.name}: expected an item that fits the model, received none; ${faults[0]}`);
}
