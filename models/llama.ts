/**
 * Llama 1 to 3.2 (Touvron et al. 2023, arXiv 2302.13971; Dubey et al. 2024, arXiv 2407.21783).
 *
 * Must match `LlamaForCausalLM` of Hugging Face transformers. Compared with GPT-2: rotary positions instead of learned
 * ones, RMS normalisation, a gated feed-forward part (SwiGLU), key/value heads shared by groups of query heads, no biases
 * unless asked for, and usually an output head of its own.
 */

import type { JsonObject } from "../src/json.ts";
import { attendCausally, splitHeads } from "../src/layers/attend.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { disposeLayers, single, TransformerLayer } from "../src/layers/layer.ts";
import { Linear } from "../src/layers/linear.ts";
import { RmsNorm } from "../src/layers/rmsNorm.ts";
import { presentRotation, type RotaryPass } from "../src/layers/rotaryPass.ts";
import type { Weights } from "../src/layers/weights.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, number, orNull, size } from "../src/model/configField.ts";
import type { DecoderInput, DecoderOnlyModel } from "../src/model/model.ts";
import { positionIds } from "../src/model/positions.ts";
import { readRotary, rotaryFields } from "../src/model/rotaryConfig.ts";
import { visit } from "../src/model/sites.ts";
import { perHead } from "../src/model/sizes.ts";
import type { WeightTable } from "../src/model/weights.ts";
import { type Activation, gatedUnit } from "../src/ops/activation.ts";
import { rotary } from "../src/ops/rotary.ts";
import { dependsOnLength, type RotaryConfig, rotation } from "../src/ops/rotaryFrequencies.ts";
import { select } from "../src/ops/select.ts";
import { add, type LayerInputs, type LayerShape, registerLayer, type Tensor } from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";

export interface LlamaConfig {
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** G */
  readonly keyValueHeads: number;
  /** K; need not be width / heads. */
  readonly headWidth: number;
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly normEpsilon: number;
  readonly rotary: RotaryConfig;
  readonly attentionBias: boolean;
  readonly feedForwardBias: boolean;
  readonly tiedHead: boolean;
}

interface BlockOptions {
  readonly name: string;
  readonly layer: number;
  readonly config: LlamaConfig;
  readonly weights?: Weights | undefined;
}

/** Causal self-attention with rotated queries and keys. */
export class LlamaAttention extends TransformerLayer<BlockOptions> {
  static readonly className = "LlamaAttention";
  readonly #query: Linear;
  readonly #key: Linear;
  readonly #value: Linear;
  readonly #output: Linear;

  constructor(options: BlockOptions) {
    super(options);
    const { name, config, weights } = options;
    const { width: D, heads: H, keyValueHeads: G, headWidth: K, attentionBias: bias } = config;
    this.#query = this.child(new Linear({ name: `${name}.query`, inputs: D, outputs: H * K, bias, weights }));
    this.#key = this.child(new Linear({ name: `${name}.key`, inputs: D, outputs: G * K, bias, weights }));
    this.#value = this.child(new Linear({ name: `${name}.value`, inputs: D, outputs: G * K, bias, weights }));
    this.#output = this.child(new Linear({ name: `${name}.output`, inputs: H * K, outputs: D, bias, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: RotaryPass = {}): Tensor {
    const { layer, config } = this.options;
    const x_BTD = single(inputs);
    const { cos_BTC, sin_BTC } = presentRotation(config.rotary, x_BTD, pass);
    const query_BHTK = rotary(splitHeads(this.#query.call(x_BTD), config.heads), cos_BTC, sin_BTC);
    const key_BGTK = rotary(splitHeads(this.#key.call(x_BTD), config.keyValueHeads), cos_BTC, sin_BTC);
    const value_BGTK = splitHeads(this.#value.call(x_BTD), config.keyValueHeads);
    const scale = 1 / Math.sqrt(config.headWidth);
    return this.#output.call(attendCausally({ query_BHTK, key_BGTK, value_BGTK, layer, scale }, pass));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

/** x + attention(norm(x)), then x + down(φ(gate(norm(x))) · up(norm(x))). */
export class LlamaBlock extends TransformerLayer<BlockOptions> {
  static readonly className = "LlamaBlock";
  readonly #attentionNorm: RmsNorm;
  readonly #attention: LlamaAttention;
  readonly #mlpNorm: RmsNorm;
  readonly #gate: Linear;
  readonly #up: Linear;
  readonly #down: Linear;

  constructor(options: BlockOptions) {
    super(options);
    const { name, layer, config, weights } = options;
    const { width: D, feedForwardWidth: F, normEpsilon: epsilon, feedForwardBias: bias } = config;
    this.#attentionNorm = this.child(new RmsNorm({ name: `${name}.attentionNorm`, width: D, epsilon, weights }));
    this.#attention = this.child(new LlamaAttention({ name: `${name}.attention`, layer, config, weights }));
    this.#mlpNorm = this.child(new RmsNorm({ name: `${name}.mlpNorm`, width: D, epsilon, weights }));
    this.#gate = this.child(new Linear({ name: `${name}.mlp.gate`, inputs: D, outputs: F, bias, weights }));
    this.#up = this.child(new Linear({ name: `${name}.mlp.up`, inputs: D, outputs: F, bias, weights }));
    this.#down = this.child(new Linear({ name: `${name}.mlp.down`, inputs: F, outputs: D, bias, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: RotaryPass = {}): Tensor {
    const { layer, config } = this.options;
    const at = { stack: "decoder", attention: "self", layer } as const;
    const x0 = visit(pass.sites, { ...at, name: "blockInput" }, single(inputs));
    const attended = this.#attention.call(this.#attentionNorm.call(x0), pass);
    const x1 = add(x0, visit(pass.sites, { ...at, name: "attentionOutput" }, attended));
    const normalized = this.#mlpNorm.call(x1);
    const gated = gatedUnit(this.#gate.call(normalized), this.#up.call(normalized), config.activation);
    const x2 = add(x1, visit(pass.sites, { ...at, name: "mlpOutput" }, this.#down.call(gated)));
    return visit(pass.sites, { ...at, name: "blockOutput" }, x2);
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

registerLayer(LlamaAttention);
registerLayer(LlamaBlock);

/** The model, its weights drawn from `weights`. */
export function llama(config: LlamaConfig, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, width, layers, heads, normEpsilon: epsilon } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const blocks = Array.from(
    { length: layers },
    (_, layer) => new LlamaBlock({ name: `blocks.${layer}`, layer, config, weights }),
  );
  const finalNorm = new RmsNorm({ name: "finalNorm", width, epsilon, weights });
  const head = config.tiedHead
    ? undefined
    : new Linear({ name: "head", inputs: width, outputs: vocabSize, bias: false, weights });
  const maxPositions = Number.POSITIVE_INFINITY;
  const parts = [tokens, ...blocks, finalNorm, ...(head ? [head] : [])];

  return {
    kind: "decoder-only",
    facts: {
      type: "llama",
      className: architecture.classNames[0],
      width,
      vocabSize,
      layers,
      heads,
      maxPositions,
      dependsOnLength: dependsOnLength(config.rotary),
    },
    layers: parts,

    embed: (ids_BT) => tokens.call(ids_BT),

    forward(input: DecoderInput): Tensor {
      const pass = { ...input, rotation: rotation(config.rotary, positionIds(input)) };
      let x = input.embeddings_BTD;
      for (const block of blocks) x = block.call(x, pass);
      const read = input.targets_B === undefined ? x : select(x, input.targets_B);
      const normalized = finalNorm.call(read);
      return head?.call(normalized) ?? tokens.logits(normalized);
    },

    dispose: () => disposeLayers(parts),
  };
}

/** Defaults: transformers' `LlamaConfig`. */
function readConfig(raw: JsonObject): LlamaConfig {
  const {
    keyValueHeads,
    headWidth,
    maxPositions,
    ropeTheta,
    ropeScaling,
    ropeParameters,
    originalMaxPositions,
    ...read
  } = strictConfig(raw, {
    model: "llama",
    fields: {
      vocabSize: size("vocab_size", 32000),
      width: size("hidden_size", 4096),
      layers: size("num_hidden_layers", 32),
      heads: size("num_attention_heads", 32),
      keyValueHeads: orNull(size("num_key_value_heads")),
      headWidth: orNull(size("head_dim")),
      feedForwardWidth: size("intermediate_size", 11008),
      activation: activation("hidden_act", "silu"),
      maxPositions: size("max_position_embeddings", 2048),
      normEpsilon: number("rms_norm_eps", 1e-6),
      attentionBias: flag("attention_bias", false),
      feedForwardBias: flag("mlp_bias", false),
      tiedHead: flag("tie_word_embeddings", false),
      ...rotaryFields,
    },
    // Larger values cut the matrices and change the order of summation.
    onlyIf: { pretraining_tp: [1] },
  });
  const K = headWidth ?? perHead("hidden_size", read.width, "num_attention_heads", read.heads);
  const G = keyValueHeads ?? read.heads;
  perHead("num_attention_heads", read.heads, "num_key_value_heads", G);
  const rotary = { ropeTheta, ropeScaling, ropeParameters, originalMaxPositions, maxPositions, headWidth: K };
  return { ...read, keyValueHeads: G, headWidth: K, rotary: readRotary("llama", rotary) };
}

function weightTable(config: LlamaConfig): WeightTable {
  const { vocabSize: V, width: D, feedForwardWidth: F } = config;
  const [Q, KV] = [config.heads * config.headWidth, config.keyValueHeads * config.headWidth];
  const linear = (from: string, to: string, outputs: number, inputs: number, bias: boolean): WeightTable["rows"] => ({
    [`${from}.weight`]: { to: `${to}.kernel`, shape: [outputs, inputs], transpose: true },
    ...(bias && { [`${from}.bias`]: { to: `${to}.bias`, shape: [outputs] } }),
  });
  const [attention, mlp] = ["layers.{i}.self_attn", "layers.{i}.mlp"];
  return {
    counts: { i: config.layers },
    prefixes: ["model."],
    rows: {
      "embed_tokens.weight": { to: "tokens.table", shape: [V, D], copies: config.tiedHead ? ["lm_head.weight"] : [] },
      "layers.{i}.input_layernorm.weight": { to: "blocks.{i}.attentionNorm.scale", shape: [D] },
      ...linear(`${attention}.q_proj`, "blocks.{i}.attention.query", Q, D, config.attentionBias),
      ...linear(`${attention}.k_proj`, "blocks.{i}.attention.key", KV, D, config.attentionBias),
      ...linear(`${attention}.v_proj`, "blocks.{i}.attention.value", KV, D, config.attentionBias),
      ...linear(`${attention}.o_proj`, "blocks.{i}.attention.output", D, Q, config.attentionBias),
      "layers.{i}.post_attention_layernorm.weight": { to: "blocks.{i}.mlpNorm.scale", shape: [D] },
      ...linear(`${mlp}.gate_proj`, "blocks.{i}.mlp.gate", F, D, config.feedForwardBias),
      ...linear(`${mlp}.up_proj`, "blocks.{i}.mlp.up", F, D, config.feedForwardBias),
      ...linear(`${mlp}.down_proj`, "blocks.{i}.mlp.down", D, F, config.feedForwardBias),
      "norm.weight": { to: "finalNorm.scale", shape: [D] },
      ...(!config.tiedHead && linear("lm_head", "head", V, D, false)),
    },
    // Early checkpoints store the frequencies, which follow from the config.
    ignored: ["layers.{i}.self_attn.rotary_emb.inv_freq", "rotary_emb.inv_freq"],
  };
}

export const architecture: Architecture<LlamaConfig> = {
  classNames: ["LlamaForCausalLM", "LLaMAForCausalLM"],
  readConfig,
  weightTable,
  build: llama,
};
