/**
 * GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners").
 *
 * Must match `GPT2LMHeadModel` of Hugging Face transformers. A decoder-only Transformer with learned absolute positions,
 * layer normalisation before each part of a block and once at the end, GELU (tanh form) feed-forward, one fused
 * query/key/value projection with biases, and an output head tied to the token embeddings.
 */

import type { JsonObject } from "../src/json.ts";
import { attendCausally, splitHeads } from "../src/layers/attend.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { FeedForward } from "../src/layers/feedForward.ts";
import { disposeLayers, single, TransformerLayer } from "../src/layers/layer.ts";
import { LayerNorm } from "../src/layers/layerNorm.ts";
import { Linear } from "../src/layers/linear.ts";
import { outputHead, read, readoutOf } from "../src/layers/outputHead.ts";
import type { Pass } from "../src/layers/pass.ts";
import { throughBlocks } from "../src/layers/throughBlocks.ts";
import type { Weights } from "../src/layers/weights.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, number, orNull, size } from "../src/model/configField.ts";
import type { DecoderInput, DecoderOnlyModel } from "../src/model/model.ts";
import { positionIds } from "../src/model/positions.ts";
import { visit } from "../src/model/sites.ts";
import { perHead } from "../src/model/sizes.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Activation } from "../src/ops/activation.ts";
import { add, type LayerInputs, type LayerShape, registerLayer, split, type Tensor } from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";
import { gptDropout } from "./dropout.ts";

export interface Gpt2Config {
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly maxPositions: number;
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly layerNormEpsilon: number;
  /** Divide scores by √K. */
  readonly scaleScores: boolean;
  /** Divide scores by the layer's number, too (Mistral's stable GPT-2 variant). */
  readonly scaleByLayer: boolean;
  readonly tiedHead: boolean;
}

interface BlockOptions {
  readonly name: string;
  readonly layer: number;
  readonly config: Gpt2Config;
  readonly weights?: Weights | undefined;
}

interface AttentionOptions extends Omit<BlockOptions, "config"> {
  readonly config: Pick<Gpt2Config, "width" | "heads" | "scaleScores" | "scaleByLayer">;
}

/** Causal self-attention with one projection for query, key and value. */
export class Gpt2Attention extends TransformerLayer<AttentionOptions> {
  static readonly className = "Gpt2Attention";
  readonly #qkv: Linear;
  readonly #output: Linear;

  constructor(options: AttentionOptions) {
    super(options);
    const { name, config, weights } = options;
    const D = config.width;
    this.#qkv = this.child(new Linear({ name: `${name}.qkv`, inputs: D, outputs: 3 * D, weights }));
    this.#output = this.child(new Linear({ name: `${name}.output`, inputs: D, outputs: D, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: Pass = {}): Tensor {
    const { layer, config } = this.options;
    const heads = split(this.#qkv.call(inputs), 3, 2).map((x_BTD) => splitHeads(x_BTD, config.heads));
    const [query_BHTK, key_BGTK, value_BGTK] = heads as [Tensor, Tensor, Tensor];
    const root = config.scaleScores ? Math.sqrt(config.width / config.heads) : 1;
    const scale = 1 / (root * (config.scaleByLayer ? layer + 1 : 1));
    return this.#output.call(attendCausally({ query_BHTK, key_BGTK, value_BGTK, layer, scale }, pass));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

/** x + attention(norm(x)), then x + feedForward(norm(x)). */
export class Gpt2Block extends TransformerLayer<BlockOptions> {
  static readonly className = "Gpt2Block";
  readonly #attentionNorm: LayerNorm;
  readonly #attention: Gpt2Attention;
  readonly #mlpNorm: LayerNorm;
  readonly #mlp: FeedForward;

  constructor(options: BlockOptions) {
    super(options);
    const { name, layer, config, weights } = options;
    const { width, feedForwardWidth, activation, layerNormEpsilon: epsilon } = config;
    this.#attentionNorm = this.child(new LayerNorm({ name: `${name}.attentionNorm`, width, epsilon, weights }));
    this.#attention = this.child(new Gpt2Attention({ name: `${name}.attention`, layer, config, weights }));
    this.#mlpNorm = this.child(new LayerNorm({ name: `${name}.mlpNorm`, width, epsilon, weights }));
    this.#mlp = this.child(new FeedForward({ name: `${name}.mlp`, width, feedForwardWidth, activation, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: Pass = {}): Tensor {
    const at = { stack: "decoder", attention: "self", layer: this.options.layer } as const;
    const x0 = visit(pass.sites, { ...at, name: "blockInput" }, single(inputs));
    const attended = this.#attention.call(this.#attentionNorm.call(x0), pass);
    const x1 = add(x0, visit(pass.sites, { ...at, name: "attentionOutput" }, attended));
    const mlp = this.#mlp.call(this.#mlpNorm.call(x1));
    const x2 = add(x1, visit(pass.sites, { ...at, name: "mlpOutput" }, mlp));
    return visit(pass.sites, { ...at, name: "blockOutput" }, x2);
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

registerLayer(Gpt2Attention);
registerLayer(Gpt2Block);

/** The model, its weights drawn from `weights`. */
export function gpt2(config: Gpt2Config, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, width, layers, heads, maxPositions, layerNormEpsilon: epsilon } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const positions = new Embedding({ name: "positions", vocabSize: maxPositions, width, weights });
  const blocks = Array.from(
    { length: layers },
    (_, layer) => new Gpt2Block({ name: `blocks.${layer}`, layer, config, weights }),
  );
  const finalNorm = new LayerNorm({ name: "finalNorm", width, epsilon, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, weights });
  const readout = readoutOf(finalNorm, head);
  const parts = [tokens, positions, ...blocks, finalNorm, ...head.layers];

  return {
    kind: "decoder-only",
    facts: { type: "gpt2", className: architecture.classNames[0], width, vocabSize, layers, heads, maxPositions },
    layers: parts,
    readout,

    embed: (ids_BT) => tokens.call(ids_BT),

    forward(input: DecoderInput): Tensor {
      const x0 = add(input.embeddings_BTD, positions.call(positionIds(input, maxPositions)));
      const x = throughBlocks(x0, blocks, input.sites, (block, x) => block.call(x, input));
      return read(readout, x, input.targets_B);
    },

    dispose: () => disposeLayers(parts),
  };
}

/** Defaults: transformers' `GPT2Config`. */
function readConfig(raw: JsonObject): Gpt2Config {
  const { feedForwardWidth, ...read } = strictConfig(raw, {
    model: "gpt2",
    fields: {
      vocabSize: size("vocab_size", 50257),
      width: size(["n_embd", "hidden_size"], 768),
      layers: size(["n_layer", "num_hidden_layers"], 12),
      heads: size(["n_head", "num_attention_heads"], 12),
      maxPositions: size(["n_positions", "max_position_embeddings"], 1024),
      feedForwardWidth: orNull(size("n_inner")),
      activation: activation("activation_function", "gelu_new"),
      layerNormEpsilon: number("layer_norm_epsilon", 1e-5),
      scaleScores: flag("scale_attn_weights", true),
      scaleByLayer: flag("scale_attn_by_inverse_layer_idx", false),
      tiedHead: flag("tie_word_embeddings", true),
    },
    // The attention window of OpenAI's release, the head of other tasks, and the order of operations in half precision.
    ignored: ["n_ctx", "summary_*", "reorder_and_upcast_attn"],
  });
  perHead("n_embd", read.width, "n_head", read.heads);
  return { ...read, feedForwardWidth: feedForwardWidth ?? 4 * read.width };
}

/** The linear maps of OpenAI's release are stored [in, out], as ours are. */
function weightTable(config: Gpt2Config): WeightTable {
  const { vocabSize: V, width: D, feedForwardWidth: F, maxPositions: P } = config;
  return {
    counts: { i: config.layers },
    prefixes: ["transformer."],
    rows: {
      "wte.weight": { to: "tokens.table", shape: [V, D], copies: config.tiedHead ? ["lm_head.weight"] : [] },
      "wpe.weight": { to: "positions.table", shape: [P, D] },
      "h.{i}.ln_1.weight": { to: "blocks.{i}.attentionNorm.scale", shape: [D] },
      "h.{i}.ln_1.bias": { to: "blocks.{i}.attentionNorm.bias", shape: [D] },
      "h.{i}.attn.c_attn.weight": { to: "blocks.{i}.attention.qkv.kernel", shape: [D, 3 * D] },
      "h.{i}.attn.c_attn.bias": { to: "blocks.{i}.attention.qkv.bias", shape: [3 * D] },
      "h.{i}.attn.c_proj.weight": { to: "blocks.{i}.attention.output.kernel", shape: [D, D] },
      "h.{i}.attn.c_proj.bias": { to: "blocks.{i}.attention.output.bias", shape: [D] },
      "h.{i}.ln_2.weight": { to: "blocks.{i}.mlpNorm.scale", shape: [D] },
      "h.{i}.ln_2.bias": { to: "blocks.{i}.mlpNorm.bias", shape: [D] },
      "h.{i}.mlp.c_fc.weight": { to: "blocks.{i}.mlp.up.kernel", shape: [D, F] },
      "h.{i}.mlp.c_fc.bias": { to: "blocks.{i}.mlp.up.bias", shape: [F] },
      "h.{i}.mlp.c_proj.weight": { to: "blocks.{i}.mlp.down.kernel", shape: [F, D] },
      "h.{i}.mlp.c_proj.bias": { to: "blocks.{i}.mlp.down.bias", shape: [D] },
      "ln_f.weight": { to: "finalNorm.scale", shape: [D] },
      "ln_f.bias": { to: "finalNorm.bias", shape: [D] },
      ...(!config.tiedHead && { "lm_head.weight": { to: "head.kernel", shape: [V, D], transpose: true } }),
    },
    // The causal mask, which older checkpoints store.
    ignored: ["h.{i}.attn.bias", "h.{i}.attn.masked_bias"],
  };
}

export const architecture: Architecture<Gpt2Config> = {
  classNames: ["GPT2LMHeadModel"],
  dropout: gptDropout(0.1),
  readConfig,
  weightTable,
  build: gpt2,
};
