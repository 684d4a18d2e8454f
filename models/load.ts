/** From a folder of files, or from a config alone, to a model. */

import { ConfigError } from "../src/errors.ts";
import type { FileSource } from "../src/files.ts";
import { describeJson, type Json, type JsonObject } from "../src/json.ts";
import { randomWeights, type Weights } from "../src/layers/weights.ts";
import { openCheckpoint } from "../src/model/checkpoint/openCheckpoint.ts";
import { readConfig } from "../src/model/config.ts";
import { type DropoutAttributes, readDropoutRates } from "../src/model/dropout.ts";
import type { Model } from "../src/model/model.ts";
import { matchWeights, type WeightSource } from "../src/model/weights.ts";
import { suggestion } from "../src/names.ts";
import { type CompactMatrix, compactMatrix } from "../src/ops/compactLinear.ts";
import type { CompactFormat } from "../src/ops/compactMatrix.ts";
import { dispose, reshape, type Tensor, tensor } from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";
import { architectures } from "./registry.ts";

export interface LoadedArchitecture {
  readonly model: Model;
  /** What the model was built from: the config of its architecture's file. */
  readonly config: object;
  /** `config.json` as it stands. */
  readonly rawConfig: JsonObject;
}

/** Does work that makes tensors when nothing else does. */
export type InTurn = <Result>(work: () => Promise<Result>) => Promise<Result>;

/**
 * The model in a Hugging Face folder, on the backend in use. Weights go there one by one.
 * @param storage fewer bits for the matrices of linear layers; embeddings, output head and what routes to experts stay float32
 * @param inTurn for programs that compute meanwhile; the checkpoint is found, and downloaded, before
 * @throws FileError when config.json or the checkpoint is absent, damaged, or does not fit the other
 * @throws ConfigError when the architecture or one of its options is not implemented
 * @throws NumericError when a weight is not finite
 */
export async function loadArchitecture(
  files: FileSource,
  storage?: CompactFormat,
  inTurn: InTurn = (work) => work(),
): Promise<LoadedArchitecture> {
  const rawConfig = await readConfig(files);
  const architecture = architectureOf(rawConfig);
  const checkpoint = await openCheckpoint(files);
  const config = architecture.readConfig(rawConfig, checkpoint.names);
  const source = matchWeights(architecture.weightTable(config), checkpoint);
  const model = await inTurn(() => buildModel(architecture, config, source, storage));
  return { model: withDropout(architecture, rawConfig, model), config, rawConfig };
}

async function buildModel(
  architecture: Architecture,
  config: object,
  source: WeightSource,
  storage: CompactFormat | undefined,
): Promise<Model> {
  const loaded = new Map<string, Tensor>();
  const compact = new Map<string, CompactMatrix>();
  try {
    for (const name of source.names) {
      const shape = source.shape(name);
      const numbers = await source.read(name);
      if (storage === undefined || !isCompactable(name, shape)) loaded.set(name, tensor(numbers, shape));
      else compact.set(name, compactMatrix(storage, numbers, shape));
    }
    const model = architecture.build(config, handOut(loaded, compact, source));
    const left = [...loaded.keys(), ...compact.keys()];
    if (left.length > 0) throw new Error(`weight table: the model does not use ${left.join(", ")}`);
    return model;
  } finally {
    dispose([...loaded.values(), ...[...compact.values()].flatMap(({ words, scales }) => [words, scales])]);
  }
}

/**
 * Matrices of linear layers. As in LLM.int8 the output head is not among them; nor is what sends tokens to experts, whose
 * choice would jump.
 */
function isCompactable(name: string, shape: readonly number[]): shape is readonly [number, number] {
  return shape.length === 2 && name.endsWith(".kernel") && !/^head\.|\.(router|sharedGate)\./.test(name);
}

/**
 * A model with random weights, for tests and benchmarks; the same seed gives the same model.
 * @param rawConfig as in config.json; `model_type` says which architecture
 * @param std spread of the weights
 * @throws ConfigError as `loadArchitecture`
 */
export function randomModel(rawConfig: JsonObject, seed: number, std?: number): Model {
  const architecture = architectureOf(rawConfig);
  const config = architecture.readConfig(rawConfig);
  return withDropout(architecture, rawConfig, architecture.build(config, randomWeights(seed, std)));
}

function withDropout({ dropout: attributes = attentionDropout }: Architecture, raw: JsonObject, model: Model): Model {
  return { ...model, facts: { ...model.facts, dropout: { attributes, rates: readDropoutRates(attributes, raw) } } };
}

/** What most decoders with rotary positions state. */
const attentionDropout: DropoutAttributes = { attention: ["attention_dropout", 0] };

/** The weights on the backend; a layer that takes one owns it. */
function handOut(loaded: Map<string, Tensor>, compact: Map<string, CompactMatrix>, source: WeightSource): Weights {
  const whole = (name: string, shape: readonly number[]): Tensor => {
    const weight = loaded.get(name);
    if (weight === undefined) throw new Error(`weight table: it has no row for ${name}, or the model asks twice`);
    // The checkpoint may have axes of size 1 (a bias of shape [1, V]), or a vector for each of several rows, joined.
    const stored = source.shape(name).filter((size) => size !== 1);
    const isVector = stored.length === 1 && stored[0] === shape.reduce((product, size) => product * size, 1);
    if (!isVector && stored.join() !== shape.filter((size) => size !== 1).join()) {
      throw new Error(
        `weight table: ${name} is [${source.shape(name).join(", ")}], the model has [${shape.join(", ")}]`,
      );
    }
    loaded.delete(name);
    const fitting = reshape(weight, shape);
    dispose(weight);
    return fitting;
  };
  return Object.assign(whole, {
    compact(name: string, shape: readonly number[]): CompactMatrix | undefined {
      const matrix = compact.get(name);
      if (matrix !== undefined && matrix.shape.join() !== shape.join())
        throw new Error(`weight table: ${name} is [${matrix.shape.join(", ")}], the model has [${shape.join(", ")}]`);
      compact.delete(name);
      return matrix;
    },
  });
}

function architectureOf(rawConfig: JsonObject): Architecture {
  const { model_type: type = null, architectures: classes = null } = rawConfig;
  const known = Object.keys(architectures);
  const architecture = Object.entries(architectures).find(([name]) => name === type)?.[1];
  if (architecture === undefined) {
    const near = typeof type === "string" ? suggestion(type, known) : "";
    throw new ConfigError(
      `config.json: expected a model_type that is implemented (${known.join(", ")}), received ${describeJson(type)}${near}`,
    );
  }
  checkClass(classes, architecture, String(type));
  return architecture;
}

/** `architectures` names the Python classes that the checkpoint is for: a classifier is no language model. */
function checkClass(classes: Json, { classNames }: Architecture, type: string): void {
  if (classes === null || (Array.isArray(classes) && classes.some((name) => classNames.includes(String(name))))) return;
  throw new ConfigError(
    `config.json: expected architectures of a ${type} model to name ${classNames.join(" or ")}, ` +
      `received ${describeJson(classes)}, whose outputs are not those of a language model`,
  );
}
