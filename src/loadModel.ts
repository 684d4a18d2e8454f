/** From a model's name or folder to a model that can be attributed. */

import { type InTurn, loadArchitecture } from "../models/load.ts";
import { methodOptionNames } from "./attribution/options.ts";
import { createLanguageModel, inTargetLanguage } from "./attribution/texts/languageModel.ts";
import { AttributionModel } from "./attributionModel.ts";
import { type BackendName, onBackend, useBackend } from "./backend/backend.ts";
import type { BackendOptions } from "./backend/definition.ts";
import { OptionError } from "./errors.ts";
import type { FileSource } from "./files.ts";
import type { JsonObject } from "./json.ts";
import { type MethodId, type MethodOptions, methods } from "./method/registry.ts";
import { readConfig } from "./model/config.ts";
import { readGenerationDefaults } from "./model/generation/options.ts";
import { isGraphFolder, loadGraph } from "./model/graph/graphModel.ts";
import type { GraphNames } from "./model/graph/places.ts";
import type { HubOptions } from "./model/hub/repository.ts";
import { withLlama2cConfig } from "./model/llama2cFolder.ts";
import { knownName, rejectUnknownOptions } from "./names.ts";
import type { CompactFormat } from "./ops/compactMatrix.ts";
import { openModel } from "./platform/nodeHub.ts";
import { type KeywordArguments, readModelArguments, readTokenizerArguments } from "./pretrainedArguments.ts";
import { loadTokenizer } from "./text/loadTokenizer.ts";

/** What `loadModel` can be told, beside the options of the method. */
export interface LoadOptions extends MethodOptions, HubOptions {
  /** Where to compute; `auto` takes the fastest backend present. */
  readonly backend?: BackendName | "auto";
  /** In a browser: the URL of the folder with the `.wasm` files of `@tensorflow/tfjs-backend-wasm`. */
  readonly wasmPaths?: BackendOptions["wasmPaths"];
  /**
   * Fewer bits for the matrices of linear layers, made while loading: `int8` has a scale for each output channel, `int4`
   * one for each 32 inputs of it. Gradients are exact for the rounded matrices. Embeddings and output heads stay float32.
   */
  readonly quantize?: "int8" | "int4";
  /** How the same matrices are stored when they are not quantised; products are computed in float32. Default: float32. */
  readonly dtype?: "float32" | "bfloat16";
  /** How matrix products multiply; see `BackendOptions`. */
  readonly precision?: BackendOptions["precision"];
  /** Which GPU, counted from 0; of the `cuda` backend. */
  readonly device?: number;
  /** Folder or name of the tokenizer, when it is not the model's. */
  readonly tokenizer?: string | FileSource;
  /** Language of the sources, for a tokenizer that marks it: `en`, `en_XX`, `eng_Latn`. Default: the tokenizer's. */
  readonly srcLang?: string;
  /** Language that is to be written; generation begins with its token. Default: as the model's config says. */
  readonly tgtLang?: string;
  /** Keyword arguments for the model, in Python's names: revision, token, cache_dir, local_files_only. */
  readonly modelKwargs?: KeywordArguments;
  /** Keyword arguments for the tokenizer, in Python's names, for instance `{ src_lang: "en", tgt_lang: "fr" }`. */
  readonly tokenizerKwargs?: KeywordArguments;
  /** Of a graph that TensorFlow.js's converter wrote: where its embeddings and logits are, if they are not found. */
  readonly graph?: GraphNames;
  /** Bytes that the activations of one pass may take. */
  readonly memoryBudget?: number;
}

/**
 * Loads a model: config, weights and tokenizer in a folder, or in a repository of the Hugging Face hub.
 *
 * A folder wins over a name on the hub. What is downloaded goes into the cache that Python uses, and is taken from there;
 * the environment variables of `huggingface_hub` (HF_HOME, HF_TOKEN, HF_HUB_OFFLINE, ...) count here, too.
 * @param nameOrPath a folder, a name such as `gpt2` or `Helsinki-NLP/opus-mt-en-fr`, in a browser also the URL of a folder;
 *   or files from anywhere
 * @param method the attribution method that `attribute` uses; options of the method may stand among `options`
 * @throws FileError, ConfigError when there is no model, or it asks for something that is not implemented
 * @throws OptionError for an unknown method, option or language
 * @throws BackendError when the backend is not there
 */
export async function loadModel(
  nameOrPath: string | FileSource,
  method: MethodId = "saliency",
  options: LoadOptions = {},
): Promise<AttributionModel> {
  const id = knownName("attribution method", method, Object.keys(methods) as MethodId[]);
  const { backend = "auto", memoryBudget, modelKwargs = {}, tokenizerKwargs = {} } = options;
  const methodOptions = without(options, ownOptions);
  rejectUnknownOptions(`loadModel with ${id}`, methodOptions, [...methodOptionNames(methods[id]), ...ownOptions]);
  if (memoryBudget !== undefined && !(memoryBudget > 0)) {
    throw new OptionError(`memoryBudget: expected a positive number of bytes, received ${memoryBudget}`);
  }
  const storage = storageOf(options);
  const ofModel = readModelArguments(modelKwargs);
  const ofTokenizer = readTokenizerArguments(tokenizerKwargs);
  const { revision, ...place } = only(options, hubOptions);
  const files = await filesOf(nameOrPath, { revision, ...place, ...ofModel });
  const isSame = options.tokenizer === undefined && Object.keys(ofTokenizer.place).length === 0;
  const tokenizerFiles = isSame
    ? files
    : await filesOf(options.tokenizer ?? nameOrPath, { ...place, ...ofTokenizer.place });
  const inUse = await useBackend(backend, only(options, backendOptions));
  const settings = { ...ofTokenizer.settings, ...languageSettings(options) };
  const tokenizer = await loadTokenizer(tokenizerFiles, settings);
  const { model, rawConfig } = await modelOf(files, storage, options.graph, (work) => onBackend(inUse, work));
  const configured = await readGenerationDefaults(files, rawConfig);
  const generationDefaults = "tgt_lang" in settings ? inTargetLanguage(tokenizer, configured) : configured;
  const languageModel = createLanguageModel(model, tokenizer, rawConfig, generationDefaults);
  return new AttributionModel({
    name: files.name,
    languageModel,
    generationDefaults,
    backend: inUse,
    method: id,
    methodOptions,
    memoryBudget,
    weights: storage ?? "float32",
  });
}

/** A graph needs no config.json; one that is there names special tokens. */
async function modelOf(
  files: FileSource,
  storage: CompactFormat | undefined,
  graph: GraphNames | undefined,
  inTurn: InTurn,
) {
  if (!(await isGraphFolder(files))) {
    if (graph === undefined) return await loadArchitecture(files, storage, inTurn);
    throw new OptionError(`graph: expected a folder with a converted graph (model.json), received ${files.name}`);
  }
  if (storage !== undefined) {
    throw new OptionError(
      `quantize, dtype: expected neither for a graph, whose weights stay as they are, received ${storage}`,
    );
  }
  const rawConfig = (await files.list()).includes("config.json") ? await readConfig(files) : {};
  return { model: await inTurn(() => loadGraph(files, graph)), rawConfig };
}

export const quantizations = ["int8", "int4"] as const;
export const storageTypes = ["float32", "bfloat16"] as const;

function storageOf({ quantize, dtype = "float32" }: LoadOptions): CompactFormat | undefined {
  knownName("dtype", dtype, storageTypes);
  if (quantize === undefined) return dtype === "float32" ? undefined : dtype;
  if (dtype !== "float32") {
    throw new OptionError(`quantize: expected no dtype beside it, received "${dtype}"; matrices are stored in one way`);
  }
  return knownName("quantization", quantize, quantizations);
}

const hubOptions = ["revision", "token", "localFilesOnly", "cacheDir", "onDownload", "signal"] as const;
const backendOptions = ["wasmPaths", "precision", "device"] as const;

/** Options of `loadModel` that are no method's. */
const ownOptions: readonly string[] = [
  "backend",
  ...backendOptions,
  "quantize",
  "dtype",
  "tokenizer",
  "srcLang",
  "tgtLang",
  "modelKwargs",
  "tokenizerKwargs",
  ...hubOptions,
  "graph",
  "memoryBudget",
];

const filesOf = async (place: string | FileSource, options: HubOptions): Promise<FileSource> =>
  await withLlama2cConfig(typeof place === "string" ? await openModel(place, options) : place);

function languageSettings({ srcLang, tgtLang }: LoadOptions): JsonObject {
  return { ...(srcLang !== undefined && { src_lang: srcLang }), ...(tgtLang !== undefined && { tgt_lang: tgtLang }) };
}

/** The options of these names that were given. */
function only<Name extends keyof LoadOptions>(options: LoadOptions, names: readonly Name[]) {
  const given = names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]);
  return Object.fromEntries(given) as { [Key in Name]?: NonNullable<LoadOptions[Key]> };
}

function without(options: LoadOptions, names: readonly string[]): MethodOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !names.includes(name)));
}
