/**
 * A GPT-2 checkpoint as a TensorFlow.js graph: the nodes that TensorFlow's converter writes for its GPT-2, and the weights in
 * shards. Hand-made, because the converter is a Python program that the tests do without.
 */

import { type FileSource, filesFromMemory } from "../../src/files.ts";
import { openSafetensors } from "../../src/model/checkpoint/safetensors.ts";
import { type Tensor, tensorflow as tf } from "../../src/tensor.ts";

interface Variant {
  /** Inputs for a mask and for positions. */
  readonly padded?: boolean;
  /** `Einsum` in place of a product: an operation that has no gradient. */
  readonly einsum?: boolean;
  /** Attention that looks ahead. */
  readonly acausal?: boolean;
  /** Ids are looked up in a second table, which changes nothing: what is looked up twice is no longer found. */
  readonly twice?: boolean;
}

export async function gpt2Graph(folder: FileSource, variant: Variant = {}): Promise<FileSource> {
  const source = await openSafetensors(folder, "model.safetensors");
  const config = JSON.parse(new TextDecoder().decode(await folder.read("config.json"))) as Record<string, number>;
  const {
    n_embd: D = 0,
    n_head: H = 0,
    n_layer: L = 0,
    vocab_size: V = 0,
    layer_norm_epsilon: epsilon = 1e-5,
  } = config;
  const nodes: object[] = [];
  const weights: { name: string; tensor: Tensor }[] = [];

  const node = (name: string, op: string, input: readonly string[] = [], attr: object = {}): string => {
    nodes.push({ name, op, input, attr });
    return name;
  };
  let count = 0;
  const apply = (op: string, input: readonly string[], attr: object = {}) => node(`${op}_${count++}`, op, input, attr);
  const constant = (values: readonly number[], shape: number[], dtype: "float32" | "int32" = "int32"): string => {
    const name = node(`Const_${count++}`, "Const", [], {
      dtype: { type: dtype === "int32" ? "DT_INT32" : "DT_FLOAT" },
    });
    weights.push({ name, tensor: tf.tensor([...values], shape, dtype) });
    return name;
  };
  const float = (value: number) => constant([value], [], "float32");
  const read = async (name: string): Promise<string> => {
    const own = `transformer.${name}`;
    const stored = source.names.includes(own) ? own : name;
    weights.push({ name, tensor: tf.tensor(await source.read(stored), [...source.info(stored).shape]) });
    return node(name, "Const", [], { dtype: { type: "DT_FLOAT" } });
  };

  const placeholder = (name: string) => node(name, "Placeholder", [], { dtype: { type: "DT_INT32" } });
  const ids = placeholder("input_ids");
  const shape = apply("Shape", [ids]);
  const sizeAt = (at: number) =>
    apply("StridedSlice", [shape, constant([at], [1]), constant([at + 1], [1]), constant([1], [1])], {
      shrink_axis_mask: { i: 1 },
    });
  const [B, T] = [sizeAt(0), sizeAt(1)];
  const range = apply("Range", [constant([0], []), T, constant([1], [])]);
  const shaped = (x: string, ...sizes: (string | number)[]) =>
    apply("Reshape", [
      x,
      apply(
        "Pack",
        sizes.map((size) => (typeof size === "number" ? constant([size], []) : size)),
      ),
    ]);
  const gather = async (table: string, indices: string, name: string) =>
    node(name, "GatherV2", [await read(table), indices, constant([0], [])]);
  const linear = async (x: string, name: string, inputs: number, outputs: number) => {
    const rows = apply("Reshape", [x, constant([-1, inputs], [2])]);
    const product = apply("MatMul", [rows, await read(`${name}.weight`)]);
    return shaped(apply("AddV2", [product, await read(`${name}.bias`)]), B, T, outputs);
  };
  const mean = (x: string) => apply("Mean", [x, constant([-1], [1])], { keep_dims: { b: true } });
  const norm = async (x: string, name: string) => {
    const centred = apply("Sub", [x, mean(x)]);
    const spread = apply("Rsqrt", [apply("AddV2", [mean(apply("Square", [centred])), float(epsilon)])]);
    const scaled = apply("Mul", [apply("Mul", [centred, spread]), await read(`${name}.weight`)]);
    return apply("AddV2", [scaled, await read(`${name}.bias`)]);
  };
  const heads = (x: string) => apply("Transpose", [shaped(x, B, T, H, D / H), constant([0, 2, 1, 3], [4])]);
  /** Zero where a query may look, −1e9 elsewhere. */
  const bias = (allowed: string) => apply("Mul", [apply("Sub", [float(1), allowed]), float(-1e9)]);

  const before = apply("GreaterEqual", [
    apply("Reshape", [range, constant([-1, 1], [2])]),
    apply("Reshape", [range, constant([1, -1], [2])]),
  ]);
  const causal = bias(apply("Cast", [before], { SrcT: { type: "DT_BOOL" }, DstT: { type: "DT_FLOAT" } }));
  const biases = variant.acausal ? [] : [causal];
  if (variant.padded) {
    const mask = apply("Cast", [placeholder("attention_mask")], { DstT: { type: "DT_FLOAT" } });
    biases.push(bias(shaped(mask, B, 1, 1, T)));
  }
  const attention = async (x: string, name: string) => {
    const qkv = await linear(x, `${name}.c_attn`, D, 3 * D);
    const parts = apply("Split", [constant([2], []), qkv], { num_split: { i: 3 } });
    const [query = "", key = "", value = ""] = [parts, `${parts}:1`, `${parts}:2`].map(heads);
    const equation = { equation: { s: Buffer.from("bhtk,bhsk->bhts").toString("base64") } };
    const product = variant.einsum
      ? apply("Einsum", [query, key], equation)
      : apply("BatchMatMulV2", [query, key], { adj_y: { b: true } });
    let scores = apply("Mul", [product, float((D / H) ** -0.5)]);
    for (const one of biases) scores = apply("AddV2", [scores, one]);
    const mixed = apply("Transpose", [
      apply("BatchMatMulV2", [apply("Softmax", [scores]), value]),
      constant([0, 2, 1, 3], [4]),
    ]);
    return await linear(shaped(mixed, B, T, D), `${name}.c_proj`, D, D);
  };
  const gelu = (x: string) => {
    const cubed = apply("Mul", [apply("Mul", [x, x]), apply("Mul", [x, float(0.044715)])]);
    const inner = apply("Tanh", [apply("Mul", [apply("AddV2", [x, cubed]), float(Math.sqrt(2 / Math.PI))])]);
    return apply("Mul", [apply("Mul", [x, float(0.5)]), apply("AddV2", [inner, float(1)])]);
  };

  const tokens = await gather("wte.weight", ids, "model/embeddings");
  const again = variant.twice
    ? apply("Mul", [apply("GatherV2", ["wte.weight", ids, constant([0], [])]), float(0)])
    : undefined;
  const embeddings = again === undefined ? tokens : node("model/both", "AddV2", [tokens, again]);
  const positions = variant.padded ? placeholder("position_ids") : range;
  let x = apply("AddV2", [embeddings, await gather("wpe.weight", positions, "model/positions")]);
  for (let layer = 0; layer < L; layer++) {
    const name = `h.${layer}`;
    x = apply("AddV2", [x, await attention(await norm(x, `${name}.ln_1`), `${name}.attn`)]);
    const wide = await linear(await norm(x, `${name}.ln_2`), `${name}.mlp.c_fc`, D, 4 * D);
    x = apply("AddV2", [x, await linear(gelu(wide), `${name}.mlp.c_proj`, 4 * D, D)]);
  }
  const rows = apply("Reshape", [await norm(x, "ln_f"), constant([-1, D], [2])]);
  const product = apply("MatMul", [rows, "wte.weight"], { transpose_b: { b: true } });
  node("Identity", "Identity", [shaped(product, B, T, V)]);

  const { data, specs } = await tf.io.encodeWeights(weights);
  tf.dispose(weights.map(({ tensor }) => tensor));
  const bytes = new Uint8Array(data as ArrayBuffer);
  const half = Math.ceil(bytes.byteLength / 2);
  const paths = ["group1-shard1of2.bin", "group1-shard2of2.bin"];
  const model = {
    format: "graph-model",
    modelTopology: { node: nodes, versions: { producer: 1 } },
    signature: {
      inputs: Object.fromEntries(
        [ids, ...(variant.padded ? ["attention_mask", "position_ids"] : [])].map((name) => [
          name,
          { name: `${name}:0` },
        ]),
      ),
      outputs: { logits: { name: "Identity:0" } },
    },
    weightsManifest: [{ paths, weights: specs }],
  };
  const others = (await folder.list()).filter((name) => name !== "model.safetensors" && name !== "config.json");
  const copied = await Promise.all(others.map(async (name) => [name, await folder.read(name)] as const));
  return filesFromMemory("graph", {
    ...Object.fromEntries(copied),
    "model.json": new TextEncoder().encode(JSON.stringify(model)),
    "group1-shard1of2.bin": bytes.subarray(0, half),
    "group1-shard2of2.bin": bytes.subarray(half),
  });
}
