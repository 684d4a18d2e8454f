/** The model that a command line names, where and how it asks for it. */

import type { AttributionModel } from "../attributionModel.ts";
import type { Precision } from "../backend/definition.ts";
import { OptionError } from "../errors.ts";
import { loadModel } from "../loadModel.ts";
import type { MethodId } from "../method/registry.ts";
import { placeOf } from "./device.ts";
import type { AttributeArguments } from "./options.ts";
import { createDownloadBar } from "./progress.ts";
import { secondsSince, type Tell } from "./telling.ts";

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

/** The name of the model. @throws OptionError without one */
export function requiredModel({ modelNameOrPath }: ModelArguments): string {
  if (modelNameOrPath !== undefined) return modelNameOrPath;
  throw new OptionError(
    "--model_name_or_path (-m): expected a model: its folder, or its name on the hub, received none",
  );
}

/** Loads it, with a bar for what is downloaded if that is to be seen. @throws whatever `loadModel` throws */
export async function openModel(args: ModelArguments, showProgress: boolean, tell: Tell): Promise<AttributionModel> {
  const name = requiredModel(args);
  const { backend, visibleGpus } = placeOf(args.device, args.backend, process.env.CUDA_VISIBLE_DEVICES);
  if (visibleGpus !== null) process.env.CUDA_VISIBLE_DEVICES = visibleGpus;
  const loading = performance.now();
  const { modelKwargs, tokenizerKwargs } = args;
  const downloads = createDownloadBar(showProgress);
  const model = await loadModel(name, args.attributionMethod as MethodId, {
    backend,
    ...(args.quantize !== undefined && { quantize: args.quantize as "int8" | "int4" }),
    ...(args.dtype !== undefined && { dtype: args.dtype as "float32" | "bfloat16" }),
    ...(args.precision !== undefined && { precision: args.precision as Precision }),
    modelKwargs,
    tokenizerKwargs,
    onDownload: downloads.update,
  }).finally(downloads.stop);
  tell.little(`loaded ${name} (${model.model.facts.className}) in ${secondsSince(loading)}`);
  tell.little(`computing on ${model.backend.name}: ${model.backend.description}`);
  for (const { name: other, reason } of model.backend.passedOver) tell.much(`not on ${other}: ${reason}`);
  return model;
}
