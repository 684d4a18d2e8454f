/** Where token ids, embeddings and logits are in a graph: named by the user, or found. */

import { ConfigError, OptionError } from "../../errors.ts";
import { rejectUnknownOptions, suggestion } from "../../names.ts";
import { lookups, nodeOf, type Topology, waysAround } from "./topology.ts";

/** Names of nodes, or of inputs and outputs in the graph's signature. */
export interface GraphNames {
  /** Token ids [B, T]. Default: the input `input_ids`, or the only one. */
  readonly ids?: string;
  /** 1 for tokens, 0 for padding, [B, T]. Default: the input `attention_mask`, if there is one. */
  readonly mask?: string;
  /** Position of each token [B, T]. Default: the input `position_ids`, if there is one. */
  readonly positions?: string;
  /** Logits [B, T, V]. Default: the output `logits`, or the only one. */
  readonly logits?: string;
  /** Embeddings of the tokens [B, T, D], before positions are added. Default: where the ids are looked up in a table. */
  readonly embeddings?: string;
}

/** Names of nodes; undefined where the graph has no such place. */
export interface GraphPlaces {
  readonly ids: string;
  readonly mask: string | undefined;
  readonly positions: string | undefined;
  readonly logits: string;
  readonly embeddings: string | undefined;
}

const names = ["ids", "mask", "positions", "logits", "embeddings"] as const;

/**
 * @throws OptionError when a name is none of the graph's, or when ids reach the logits around the embeddings
 * @throws ConfigError when a place is not named and cannot be found, or the graph has other inputs
 */
export function findPlaces(description: string, topology: Topology, given: GraphNames): GraphPlaces {
  rejectUnknownOptions("graph", given, names);
  const { inputs, outputs } = topology;
  const named = (key: (typeof names)[number], from: ReadonlyMap<string, string>): string | undefined => {
    const name = given[key];
    return name === undefined ? undefined : checkedNode(topology, key, from.get(name) ?? nodeOf(name));
  };
  const only = (from: ReadonlyMap<string, string>) => (from.size === 1 ? [...from.values()][0] : undefined);
  const ids = named("ids", inputs) ?? inputs.get("input_ids") ?? only(inputs);
  const logits = named("logits", outputs) ?? outputs.get("logits") ?? only(outputs);
  if (ids === undefined) throw unnamed(description, "ids", "inputs", inputs);
  if (logits === undefined) throw unnamed(description, "logits", "outputs", outputs);
  const mask = named("mask", inputs) ?? inputs.get("attention_mask");
  const positions = named("positions", inputs) ?? inputs.get("position_ids");
  const others = [...inputs].filter(([, node]) => ![ids, mask, positions].includes(node)).map(([name]) => name);
  if (others.length > 0) {
    throw new ConfigError(
      `${description}: expected inputs for token ids, mask and positions, found ${others.join(", ")}, too; say which is ` +
        "which in the option graph, or convert the model without the others",
    );
  }
  return { ids, logits, mask, positions, embeddings: embeddingsOf(topology, ids, logits, named("embeddings", inputs)) };
}

/** The embeddings that were named, or the only lookup of the ids, if all that depends on ids depends on those. */
function embeddingsOf(topology: Topology, ids: string, logits: string, given: string | undefined): string | undefined {
  if (given !== undefined) {
    const around = waysAround(topology, ids, given, logits);
    if (around.length === 0) return given;
    throw new OptionError(
      `graph.embeddings: expected a node through which all of the ids' influence goes, but ${around.join(", ")} ` +
        `(${around.map((name) => topology.nodes.get(name)?.op).join(", ")}) goes around ${given}`,
    );
  }
  const [found, ...others] = lookups(topology, ids).filter(
    (node) => waysAround(topology, ids, node, logits).length === 0,
  );
  return others.length === 0 ? found : undefined;
}

function checkedNode({ nodes }: Topology, key: string, node: string): string {
  if (nodes.has(node)) return node;
  throw new OptionError(
    `graph.${key}: expected a node of the graph, received "${node}"${suggestion(node, [...nodes.keys()])}`,
  );
}

function unnamed(description: string, key: string, side: string, found: ReadonlyMap<string, string>): ConfigError {
  return new ConfigError(
    `${description}: name the ${side.slice(0, -1)} that is meant in the option graph.${key}; the graph's ${side} are ` +
      `${[...found.keys()].join(", ") || "unknown"}`,
  );
}
