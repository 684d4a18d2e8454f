/**
 * The nodes of a graph that TensorFlow.js's converter wrote, and which of them depend on which.
 *
 * A node is `{ name, op, input }`; an input is a node's name, `name:1` its second output, `^name` an order without a value.
 */

import { FileError } from "../../errors.ts";
import { describeJson, isJsonObject, type Json, type JsonObject } from "../../json.ts";

export interface GraphNode {
  readonly op: string;
  /** Names of the nodes whose values it takes. */
  readonly inputs: readonly string[];
  /** TensorFlow's name of the type of a placeholder, for instance `DT_INT32`. */
  readonly type: Json;
}

export interface Topology {
  readonly nodes: ReadonlyMap<string, GraphNode>;
  /** Nodes of the graph's inputs and outputs, by their names in its signature. */
  readonly inputs: ReadonlyMap<string, string>;
  readonly outputs: ReadonlyMap<string, string>;
}

/** The node that a name of one of its outputs means. */
export const nodeOf = (name: string): string => name.replace(/^\^/, "").replace(/:\d+$/, "");

/** @throws FileError when there is no graph in `model.json` */
export function readTopology(description: string, { modelTopology = null, signature = null }: JsonObject): Topology {
  const list = isJsonObject(modelTopology) ? (modelTopology.node ?? null) : null;
  if (!Array.isArray(list) || !list.every(isJsonObject)) {
    throw new FileError(
      `${description}: expected a graph's nodes in modelTopology.node, received ${describeJson(list)}; convert the model ` +
        "again with tensorflowjs_converter --output_format tfjs_graph_model",
    );
  }
  const nodes = new Map(list.map((node) => [String(node.name), readNode(node)]));
  const used = new Set([...nodes.values()].flatMap(({ inputs }) => inputs));
  const ends = [...nodes.keys()].filter((name) => !used.has(name));
  const starts = [...nodes].filter(([, { op }]) => op.startsWith("Placeholder")).map(([name]) => name);
  return {
    nodes,
    inputs: signed(signature, "inputs") ?? same(starts),
    outputs: signed(signature, "outputs") ?? same(ends),
  };
}

const same = (names: readonly string[]): ReadonlyMap<string, string> => new Map(names.map((name) => [name, name]));

function readNode({ op = null, input = null, attr = null }: JsonObject): GraphNode {
  const inputs = Array.isArray(input) ? input.map(String).filter((name) => !name.startsWith("^")) : [];
  const { dtype = null } = isJsonObject(attr) ? attr : {};
  return { op: String(op), inputs: inputs.map(nodeOf), type: isJsonObject(dtype) ? (dtype.type ?? null) : null };
}

/** Nodes by the names of a signature: `{ inputs: { input_ids: { name: "input_ids:0" } } }`. */
function signed(signature: Json, side: "inputs" | "outputs"): ReadonlyMap<string, string> | undefined {
  const named = isJsonObject(signature) ? signature[side] : undefined;
  if (!isJsonObject(named)) return undefined;
  return new Map(
    Object.entries(named).map(([key, entry]) => [key, nodeOf(String((isJsonObject(entry) && entry.name) || key))]),
  );
}

/** Operations that see the shape of their input only. */
const shapesOnly = new Set(["Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"]);

/**
 * Nodes that take the values of `from`, and on which `to` depends otherwise than through `cut`.
 */
export function waysAround({ nodes }: Topology, from: string, cut: string, to: string): string[] {
  const needed = new Set([to]);
  for (const name of needed) {
    const node = nodes.get(name);
    if (name === cut || node === undefined || shapesOnly.has(node.op)) continue;
    for (const input of node.inputs) needed.add(input);
  }
  if (!needed.has(from)) return [];
  return [...needed].filter((name) => {
    const node = nodes.get(name);
    return name !== cut && node?.inputs.includes(from) && !shapesOnly.has(node.op);
  });
}

const passesOn = new Set(["Identity", "Cast", "StopGradient"]);

/** Nodes that look the ids up in a table. */
export function lookups({ nodes }: Topology, ids: string): string[] {
  const source = (name: string): string => {
    const node = nodes.get(name);
    const [input] = node?.inputs ?? [];
    return node !== undefined && passesOn.has(node.op) && input !== undefined ? source(input) : name;
  };
  return [...nodes]
    .filter(
      ([
        ,
        {
          op,
          inputs: [, indices],
        },
      ]) => /Gather(V2)?$/.test(op) && indices !== undefined && source(indices) === ids,
    )
    .map(([name]) => name);
}

/** How many attentions there are, by their softmax. */
export const countAttentions = ({ nodes }: Topology): number =>
  [...nodes.values()].filter(({ op }) => op === "Softmax").length;
