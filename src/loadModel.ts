/** From a model's name or folder to a model that can be attributed. */

import { loadArchitecture } from "../models/load.ts";
import type { Language } from "./attribution/texts.ts";
import { AttributionModel } from "./attributionModel.ts";
import { type BackendName, useBackend } from "./backend/backend.ts";
import type { BackendOptions } from "./backend/definition.ts";
import { ConfigError, OptionError } from "./errors.ts";
import type { FileSource } from "./files.ts";
import type { Json } from "./json.ts";
import { type MethodId, type MethodOptions, methods } from "./method/registry.ts";
import { readGenerationDefaults } from "./model/generation/options.ts";
import { knownName, rejectUnknownOptions } from "./names.ts";
import { openFolder } from "./platform/node.ts";
import { loadTokenizer } from "./text/loadTokenizer.ts";

export interface LoadOptions extends MethodOptions {
  /** Where to compute; `auto` takes the fastest backend present. */
  readonly backend?: BackendName | "auto";
  /** In a browser: the URL of the folder with the `.wasm` files of `@tensorflow/tfjs-backend-wasm`. */
  readonly wasmPaths?: BackendOptions["wasmPaths"];
  /** How matrix products multiply; see `BackendOptions`. */
  readonly precision?: BackendOptions["precision"];
  /** Which GPU, counted from 0; of the `cuda` backend. */
  readonly device?: number;
  /** Folder of the tokenizer, when it is not the model's. */
  readonly tokenizer?: string | FileSource;
  /** Bytes that the activations of one pass may take. */
  readonly memoryBudget?: number;
}

/**
 * Loads a Hugging Face folder.
 * @param nameOrPath a folder with config.json, weights and a tokenizer; in a browser a URL; or files from anywhere
 * @param method the attribution method that `attribute` uses; options of the method may stand among `options`
 * @throws FileError, ConfigError when the folder is no model, or asks for something that is not implemented
 * @throws OptionError for an unknown method or option
 * @throws BackendError when the backend is not there
 */
export async function loadModel(
  nameOrPath: string | FileSource,
  method: MethodId = "saliency",
  options: LoadOptions = {},
): Promise<AttributionModel> {
  const id = knownName("attribution method", method, Object.keys(methods) as MethodId[]);
  const { backend = "auto", wasmPaths, precision, device, ...others } = options;
  const { tokenizer: tokenizerPlace, memoryBudget, ...methodOptions } = others;
  rejectUnknownOptions(`loadModel with ${id}`, methodOptions, [
    ...methods[id].options,
    "backend",
    "precision",
    "device",
    "wasmPaths",
    "tokenizer",
    "memoryBudget",
  ]);
  if (memoryBudget !== undefined && !(memoryBudget > 0)) {
    throw new OptionError(`memoryBudget: expected a positive number of bytes, received ${memoryBudget}`);
  }
  const files = await filesOf(nameOrPath);
  const tokenizerFiles = tokenizerPlace === undefined ? files : await filesOf(tokenizerPlace);
  const inUse = await useBackend(backend, {
    ...(wasmPaths !== undefined && { wasmPaths }),
    ...(precision !== undefined && { precision }),
    ...(device !== undefined && { device }),
  });
  const tokenizer = await loadTokenizer(tokenizerFiles);
  const { model, rawConfig } = await loadArchitecture(files);
  const generationDefaults = await readGenerationDefaults(files, rawConfig);
  // As in Hugging Face, generation_config.json comes first: it is where models list all their end tokens.
  const eos = generationDefaults.eosTokenId ?? idList(rawConfig.eos_token_id, "eos_token_id");
  const decoderStart =
    generationDefaults.decoderStartTokenId ?? idList(rawConfig.decoder_start_token_id, "decoder_start_token_id")[0];
  // Some tokenizers (Qwen's) have no BOS of their own where the config names a token to start from.
  const bos = tokenizer.special.bos ?? idList(rawConfig.bos_token_id, "bos_token_id")[0] ?? null;
  const language: Language = {
    model,
    tokenizer,
    start: model.kind === "encoder-decoder" ? (decoderStart ?? null) : bos,
    eos: eos.length > 0 ? eos : tokenizer.special.eos === null ? [] : [tokenizer.special.eos],
    pad: idList(rawConfig.pad_token_id, "pad_token_id")[0] ?? tokenizer.special.pad ?? eos[0] ?? tokenizer.special.eos,
  };
  return new AttributionModel({
    name: files.name,
    language,
    generationDefaults,
    backend: inUse,
    method: id,
    methodOptions,
    memoryBudget,
  });
}

const filesOf = async (place: string | FileSource): Promise<FileSource> =>
  typeof place === "string" ? await openFolder(place) : place;

function idList(value: Json | undefined, name: string): number[] {
  if (value === undefined || value === null) return [];
  const ids = Array.isArray(value) ? value : [value];
  if (ids.every((id) => typeof id === "number")) return ids as number[];
  throw new ConfigError(
    `config.json: expected ${name} to be an id or a list of ids, received ${JSON.stringify(value)}`,
  );
}
