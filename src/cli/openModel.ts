/** The model that a command line names, where and how it asks for it. */

import type { AttributionModel } from "../attributionModel.ts";
import type { Precision } from "../backend/definition.ts";
import { OptionError } from "../errors.ts";
import { loadModel } from "../loadModel.ts";
import type { MethodId } from "../method/registry.ts";
import { takePlace } from "./device.ts";
import type { Log } from "./log.ts";
import type { AttributeArguments } from "./options.ts";
import { createDownloadBar } from "./progress.ts";
import { slowBackendNotice } from "./slowBackend.ts";
import { secondsSince } from "./wording.ts";

export type ModelArguments = Pick<
  AttributeArguments,
  | "modelNameOrPath"
  | "attributionMethod"
  | "modelKwargs"
  | "tokenizerKwargs"
  | "device"
  | "backend"
  | "quantize"
  | "dtype"
  | "precision"
>;

/** How its numbers are stored and multiplied, as `loadModel` takes it; the table of options has checked the names. */
export function numberOptions({
  quantize,
  dtype,
  precision,
}: Pick<ModelArguments, "quantize" | "dtype" | "precision">) {
  return {
    ...(quantize !== undefined && { quantize: quantize as "int8" | "int4" }),
    ...(dtype !== undefined && { dtype: dtype as "float32" | "bfloat16" }),
    ...(precision !== undefined && { precision: precision as Precision }),
  };
}

/** The name of the model. @throws OptionError without one */
export function requiredModel({ modelNameOrPath }: ModelArguments): string {
  if (modelNameOrPath !== undefined) return modelNameOrPath;
  throw new OptionError(
    "--model_name_or_path (-m): expected a model: its folder, or its name on the hub, received none",
  );
}

/**
 * Loads it, with a bar for what is downloaded if that is to be seen.
 * @throws whatever `loadModel` throws; the signal's reason once it is aborted
 */
export async function openModel(
  args: ModelArguments,
  showProgress: boolean,
  log: Log,
  signal?: AbortSignal,
): Promise<AttributionModel> {
  const name = requiredModel(args);
  const backend = takePlace(args);
  const loading = performance.now();
  const { modelKwargs, tokenizerKwargs } = args;
  const downloads = createDownloadBar(showProgress);
  const model = await loadModel(name, args.attributionMethod as MethodId, {
    backend,
    ...numberOptions(args),
    modelKwargs,
    tokenizerKwargs,
    onDownload: downloads.update,
    ...(signal && { signal }),
  }).finally(downloads.stop);
  log.info(`loaded ${name} (${model.model.facts.className}) in ${secondsSince(loading)}`);
  log.info(`computing on ${model.backend.name}: ${model.backend.description}`);
  const notice = slowBackendNotice(model.backend);
  if (notice !== undefined) log.warn(notice);
  for (const { name: other, reason } of model.backend.passedOver) log.debug(`not on ${other}: ${reason}`);
  return model;
}
