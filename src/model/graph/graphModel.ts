/**
 * A graph that TensorFlow.js's converter wrote, as a causal language model.
 *
 * Cut at the node of its embeddings, it has the two entrances that attribution needs; gradients are those of its operations. A
 * graph whose embeddings are unknown is entered by ids: perturbation methods work, for which a token is there or is not.
 * There are no sites inside, and no cache.
 */

import { ConfigError, OptionError, UnsupportedError } from "../../errors.ts";
import type { FileSource } from "../../files.ts";
import { type JsonObject, parseJsonObject } from "../../json.ts";
import { select } from "../../ops/select.ts";
import {
  cast,
  type DataType,
  type Graph,
  int32,
  ones,
  openGraph,
  range,
  readFloatsNow,
  reshape,
  type Tensor,
  tidy,
  tile,
  zeros,
} from "../../tensor.ts";
import { readManifest, readStored, type StoredWeight } from "../checkpoint/weightsManifest.ts";
import type { DecoderInput, DecoderOnlyModel, ModelFacts } from "../model.ts";
import { idsOf, MARKS, marksOf, withoutGradient } from "./idMarks.ts";
import { findPlaces, type GraphNames, type GraphPlaces } from "./places.ts";
import { countAttentions, readTopology, type Topology } from "./topology.ts";

const FILE = "model.json";

/** Whether a folder holds a converted graph, and no checkpoint of another format. */
export async function isGraphFolder(files: FileSource): Promise<boolean> {
  const present = await files.list();
  if (!present.includes(FILE) || present.some((name) => /^(model\.safetensors|pytorch_model\.bin)/.test(name)))
    return false;
  const { format = null } = await readModelJson(files);
  return format === "graph-model";
}

/**
 * The graph in a folder, on the backend in use; its weights go there one by one.
 * @throws FileError when the graph or its weights are damaged
 * @throws OptionError, ConfigError when its places are not what is needed
 * @throws UnsupportedError when it cannot be run at once, or looks ahead
 */
export async function loadGraph(files: FileSource, names: GraphNames = {}): Promise<DecoderOnlyModel> {
  const description = `${files.name}/${FILE}`;
  const json = await readModelJson(files);
  const topology = readTopology(description, json);
  const places = findPlaces(description, topology, names);
  if (json.modelInitializer !== undefined) {
    throw new UnsupportedError(
      `${description}: expected a graph without tables to initialise, received modelInitializer`,
    );
  }
  const stored = await readManifest(files, description, json);
  const graph = await openGraph(
    json.modelTopology as object,
    stored.map(({ spec }) => spec),
    () => bytesOf(files, stored),
  );
  try {
    return graphModel(description, graph, topology, places);
  } catch (error) {
    graph.dispose();
    throw error;
  }
}

const readModelJson = async (files: FileSource): Promise<JsonObject> =>
  parseJsonObject(`${files.name}/${FILE}`, await files.read(FILE));

async function* bytesOf(files: FileSource, stored: readonly StoredWeight[]) {
  for (const weight of stored) yield await readStored(files, weight);
}

function graphModel(description: string, graph: Graph, topology: Topology, places: GraphPlaces): DecoderOnlyModel {
  const { ids, embeddings } = places;
  const rest = contextOf(description, topology, places);
  const embed = (ids_BT: Tensor): Tensor =>
    embeddings === undefined ? marksOf(ids_BT) : graph.execute({ [ids]: ids_BT, ...rest(ids_BT.shape) }, embeddings);
  const everywhere = (input: DecoderInput): Tensor => {
    const x = input.embeddings_BTD;
    const shape = x.shape.slice(0, 2);
    const others = rest(shape, input);
    if (embeddings === undefined) {
      return withoutGradient(description, x, graph.execute({ [ids]: idsOf(description, x), ...others }, places.logits));
    }
    // The ids only say how many tokens there are.
    return graph.execute({ [embeddings]: x, [ids]: zeros(shape, "int32"), ...others }, places.logits);
  };
  const facts = probe(description, topology, embed, everywhere, embeddings);
  return {
    kind: "decoder-only",
    facts,
    layers: [],
    readout: {
      normalize: () => refuse(description),
      linearized: () => refuse(description),
      logits: () => refuse(description),
    },
    embed,
    forward(input) {
      if (input.sites !== undefined) refuse(description);
      const logits_BTV = everywhere(input);
      return input.targets_B === undefined ? logits_BTV : select(logits_BTV, input.targets_B);
    },
    dispose: () => graph.dispose(),
  };
}

function refuse(description: string): never {
  throw new UnsupportedError(
    `${description}: expected a method that needs inputs and outputs only, because nothing is known of what is inside a graph; ` +
      "take a gradient or perturbation method, or load the model from its own checkpoint",
  );
}

/** What a graph takes beside ids or embeddings, for [B, T] tokens. */
function contextOf(description: string, { nodes }: Topology, { mask, positions }: GraphPlaces) {
  const typeOf = (node: string): DataType => {
    const type = nodes.get(node)?.type;
    return type === "DT_FLOAT" || type === 1 ? "float32" : type === "DT_BOOL" || type === 10 ? "bool" : "int32";
  };
  return ([B = 0, T = 0]: readonly number[], { mask_BS, positions_BT }: Partial<DecoderInput> = {}) => {
    if (mask_BS !== undefined && mask === undefined) {
      throw new OptionError(
        `${description}: expected texts of one length, because the graph has no input for a mask; set batchSize to 1`,
      );
    }
    return {
      ...(mask !== undefined && { [mask]: cast(mask_BS ?? ones([B, T]), typeOf(mask)) }),
      ...(positions !== undefined && {
        [positions]: cast(positions_BT ?? tile(reshape(range(0, T), [1, T]), [B, 1]), typeOf(positions)),
      }),
    };
  };
}

/** Runs the graph on two short texts, which tells its sizes, and whether a token sees the next one. */
function probe(
  description: string,
  topology: Topology,
  embed: (ids_BT: Tensor) => Tensor,
  forward: (input: DecoderInput) => Tensor,
  embeddings: string | undefined,
): ModelFacts {
  return tidy(() => {
    const [x, logits] = attempt(description, () => {
      const embedded = embed(int32([0, 1, 0, 2], [2, 2]));
      return [embedded, forward({ embeddings_BTD: embedded })] as const;
    });
    const [, , D = 0] = x.shape;
    const [, , V = 0] = logits.shape;
    if (embeddings !== undefined && (x.shape.length !== 3 || x.shape[0] !== 2 || x.shape[1] !== 2)) {
      throw new ConfigError(
        `${description}: expected embeddings [B, T, D], received [${x.shape.join(", ")}] from ${embeddings} for 2 texts of 2 ` +
          "tokens; name another node in graph.embeddings",
      );
    }
    if (logits.shape.length !== 3 || logits.shape[0] !== 2 || logits.shape[1] !== 2) {
      throw new ConfigError(
        `${description}: expected logits [B, T, V], received [${logits.shape.join(", ")}] for 2 texts of 2 tokens; name ` +
          "another output in graph.logits",
      );
    }
    const numbers = readFloatsNow(logits);
    const largest = numbers.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
    const seen = numbers
      .subarray(0, V)
      .findIndex((logit, v) => Math.abs(logit - (numbers[2 * V + v] ?? 0)) > 1e-4 * largest);
    if (seen >= 0) {
      throw new UnsupportedError(
        `${description}: expected a causal language model, but its logits after the first token depend on the second; ` +
          "encoders and encoder-decoder models cannot be attributed as graphs",
      );
    }
    const layers = Math.max(1, countAttentions(topology));
    const width = embeddings === undefined ? MARKS : D;
    // Heads cannot be counted in a graph; they say how much memory a pass takes, and 64 is the usual width of one.
    const heads = Math.max(1, Math.ceil(width / 64));
    const sizes = { width, vocabSize: V, layers, heads, maxPositions: Infinity };
    return { type: "graph", className: "GraphModel", ...sizes, withoutCache: true };
  });
}

/** TensorFlow.js says which operation it does not know or cannot run at once. */
function attempt<Result>(description: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (error instanceof OptionError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnsupportedError(`${description}: expected a graph that TensorFlow.js can run at once, but: ${reason}`, {
      cause: error,
    });
  }
}
