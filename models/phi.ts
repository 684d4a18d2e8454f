/**
 * Phi-1, 1.5 and 2 (Gunasekar et al. 2023, arXiv 2306.11644; Li et al. 2023, arXiv 2309.05463).
 *
 * Must match `PhiForCausalLM` of Hugging Face transformers. Compared with GPT-J, whose block and head it shares: biases
 * in attention, pairs of widths as halves, key/value heads that may be shared by groups, and queries and keys that may be
 * normalised head by head before they are turned.
 */

import { isJsonObject, type Json, type JsonObject } from "../src/json.ts";
import { attendCausally, splitHeads } from "../src/layers/attend.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { FeedForward } from "../src/layers/feedForward.ts";
import { disposeLayers, single, TransformerLayer } from "../src/layers/layer.ts";
import { LayerNorm } from "../src/layers/layerNorm.ts";
import { Linear } from "../src/layers/linear.ts";
import { outputHead, statesToRead } from "../src/layers/outputHead.ts";
import { presentRotation, type RotaryPass } from "../src/layers/rotaryPass.ts";
import type { Weights } from "../src/layers/weights.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, number, orNull, size } from "../src/model/configField.ts";
import type { DecoderInput, DecoderOnlyModel } from "../src/model/model.ts";
import { positionIds } from "../src/model/positions.ts";
import { partialFactor, readRotary, rotaryFields } from "../src/model/rotaryConfig.ts";
import { visit } from "../src/model/sites.ts";
import { perHead } from "../src/model/sizes.ts";
import { linearRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Activation } from "../src/ops/activation.ts";
import { rotary } from "../src/ops/rotary.ts";
import { dependsOnLength, type RotaryConfig, rotation } from "../src/ops/rotaryFrequencies.ts";
import { add, type LayerInputs, type LayerShape, registerLayer, type Tensor } from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";

export interface PhiConfig {
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** G */
  readonly keyValueHeads: number;
  /** Its head width is the part of a head that is turned. */
  readonly rotary: RotaryConfig;
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly layerNormEpsilon: number;
  /** Normalise queries and keys, head by head. */
  readonly normalizeQueriesAndKeys: boolean;
  readonly tiedHead: boolean;
}

interface BlockOptions {
  readonly name: string;
  readonly layer: number;
  readonly config: PhiConfig;
  readonly weights?: Weights | undefined;
}

/** K */
const headWidth = ({ width, heads }: PhiConfig): number => width / heads;

/** Causal self-attention with partly rotated queries and keys. */
export class PhiAttention extends TransformerLayer<BlockOptions> {
  static readonly className = "PhiAttention";
  readonly #query: Linear;
  readonly #key: Linear;
  readonly #value: Linear;
  readonly #queryNorm: LayerNorm | undefined;
  readonly #keyNorm: LayerNorm | undefined;
  readonly #output: Linear;

  constructor(options: BlockOptions) {
    super(options);
    const { name, config, weights } = options;
    const { width: D, layerNormEpsilon: epsilon } = config;
    const K = headWidth(config);
    const projection = (of: string, outputs: number) =>
      this.child(new Linear({ name: `${name}.${of}`, inputs: D, outputs, weights }));
    const norm = (of: string) =>
      config.normalizeQueriesAndKeys
        ? this.child(new LayerNorm({ name: `${name}.${of}`, width: K, epsilon, weights }))
        : undefined;
    this.#query = projection("query", D);
    this.#key = projection("key", config.keyValueHeads * K);
    this.#value = projection("value", config.keyValueHeads * K);
    this.#queryNorm = norm("queryNorm");
    this.#keyNorm = norm("keyNorm");
    this.#output = projection("output", D);
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: RotaryPass = {}): Tensor {
    const { layer, config } = this.options;
    const x_BTD = single(inputs);
    const { cos_BTC, sin_BTC } = presentRotation(config.rotary, x_BTD, pass);
    const query = splitHeads(this.#query.call(x_BTD), config.heads);
    const key = splitHeads(this.#key.call(x_BTD), config.keyValueHeads);
    const query_BHTK = rotary(this.#queryNorm?.call(query) ?? query, cos_BTC, sin_BTC);
    const key_BGTK = rotary(this.#keyNorm?.call(key) ?? key, cos_BTC, sin_BTC);
    const value_BGTK = splitHeads(this.#value.call(x_BTD), config.keyValueHeads);
    const scale = 1 / Math.sqrt(headWidth(config));
    return this.#output.call(attendCausally({ query_BHTK, key_BGTK, value_BGTK, layer, scale }, pass));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

/** x + attention(norm(x)) + feedForward(norm(x)). */
export class PhiBlock extends TransformerLayer<BlockOptions> {
  static readonly className = "PhiBlock";
  readonly #norm: LayerNorm;
  readonly #attention: PhiAttention;
  readonly #mlp: FeedForward;

  constructor(options: BlockOptions) {
    super(options);
    const { name, layer, config, weights } = options;
    const { width, feedForwardWidth, activation, layerNormEpsilon: epsilon } = config;
    this.#norm = this.child(new LayerNorm({ name: `${name}.norm`, width, epsilon, weights }));
    this.#attention = this.child(new PhiAttention({ name: `${name}.attention`, layer, config, weights }));
    this.#mlp = this.child(new FeedForward({ name: `${name}.mlp`, width, feedForwardWidth, activation, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: RotaryPass = {}): Tensor {
    const at = { stack: "decoder", attention: "self", layer: this.options.layer } as const;
    const x = visit(pass.sites, { ...at, name: "blockInput" }, single(inputs));
    const normalized = this.#norm.call(x);
    const attended = visit(pass.sites, { ...at, name: "attentionOutput" }, this.#attention.call(normalized, pass));
    const mlp = visit(pass.sites, { ...at, name: "mlpOutput" }, this.#mlp.call(normalized));
    return visit(pass.sites, { ...at, name: "blockOutput" }, add(x, add(attended, mlp)));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

registerLayer(PhiAttention);
registerLayer(PhiBlock);

/** The model, its weights drawn from `weights`. */
function build(config: PhiConfig, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, width, layers, heads, layerNormEpsilon: epsilon } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const blocks = Array.from(
    { length: layers },
    (_, layer) => new PhiBlock({ name: `blocks.${layer}`, layer, config, weights }),
  );
  const finalNorm = new LayerNorm({ name: "finalNorm", width, epsilon, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, bias: true, weights });
  const parts = [tokens, ...blocks, finalNorm, ...head.layers];

  return {
    kind: "decoder-only",
    facts: {
      type: "phi",
      className: architecture.classNames[0],
      width,
      vocabSize,
      layers,
      heads,
      maxPositions: Number.POSITIVE_INFINITY,
      dependsOnLength: dependsOnLength(config.rotary),
    },
    layers: parts,

    embed: (ids_BT) => tokens.call(ids_BT),

    forward(input: DecoderInput): Tensor {
      const pass = { ...input, rotation: rotation(config.rotary, positionIds(input)) };
      let x = input.embeddings_BTD;
      for (const block of blocks) x = block.call(x, pass);
      return head.logits(finalNorm.call(statesToRead(x, input.targets_B)));
    },

    dispose: () => disposeLayers(parts),
  };
}

/** Defaults: transformers' `PhiConfig`. */
function readConfig(raw: JsonObject): PhiConfig {
  const {
    keyValueHeads,
    maxPositions,
    rotaryShare,
    ropeTheta,
    ropeScaling,
    ropeParameters,
    originalMaxPositions,
    ...read
  } = strictConfig(raw, {
    model: "phi",
    fields: {
      vocabSize: size("vocab_size", 51200),
      width: size("hidden_size", 2048),
      layers: size("num_hidden_layers", 24),
      heads: size("num_attention_heads", 32),
      keyValueHeads: orNull(size("num_key_value_heads")),
      feedForwardWidth: size("intermediate_size", 8192),
      activation: activation("hidden_act", "gelu_new"),
      maxPositions: size("max_position_embeddings", 2048),
      layerNormEpsilon: number("layer_norm_eps", 1e-5),
      normalizeQueriesAndKeys: flag("qk_layernorm", false),
      tiedHead: flag("tie_word_embeddings", false),
      rotaryShare: partialFactor,
      ...rotaryFields,
    },
  });
  const K = perHead("hidden_size", read.width, "num_attention_heads", read.heads);
  const G = keyValueHeads ?? read.heads;
  perHead("num_attention_heads", read.heads, "num_key_value_heads", G);
  const rotary = {
    ...{ ropeTheta, ropeScaling, ropeParameters, originalMaxPositions, maxPositions },
    headWidth: K,
    // transformers 5 writes the default here, too, whatever stands among the rotary parameters.
    partial: { factor: statesShare(ropeParameters) ? null : rotaryShare, published: 0.5 },
  };
  return { ...read, keyValueHeads: G, rotary: readRotary("phi", rotary) };
}

const statesShare = (ropeParameters: Json): boolean =>
  isJsonObject(ropeParameters) && Object.hasOwn(ropeParameters, "partial_rotary_factor");

function weightTable(config: PhiConfig): WeightTable {
  const { vocabSize: V, width: D, feedForwardWidth: F } = config;
  const K = headWidth(config);
  const KV = config.keyValueHeads * K;
  const [from, to] = ["layers.{i}.self_attn", "blocks.{i}.attention"];
  return {
    counts: { i: config.layers },
    prefixes: ["model."],
    rows: {
      "embed_tokens.weight": { to: "tokens.table", shape: [V, D], copies: config.tiedHead ? ["lm_head.weight"] : [] },
      ...normRows("layers.{i}.input_layernorm", "blocks.{i}.norm", D),
      ...linearRows(`${from}.q_proj`, `${to}.query`, D, D),
      ...linearRows(`${from}.k_proj`, `${to}.key`, D, KV),
      ...linearRows(`${from}.v_proj`, `${to}.value`, D, KV),
      ...(config.normalizeQueriesAndKeys && {
        ...normRows(`${from}.q_layernorm`, `${to}.queryNorm`, K),
        ...normRows(`${from}.k_layernorm`, `${to}.keyNorm`, K),
      }),
      ...linearRows(`${from}.dense`, `${to}.output`, D, D),
      ...linearRows("layers.{i}.mlp.fc1", "blocks.{i}.mlp.up", D, F),
      ...linearRows("layers.{i}.mlp.fc2", "blocks.{i}.mlp.down", F, D),
      ...normRows("final_layernorm", "finalNorm", D),
      ...(!config.tiedHead && { "lm_head.weight": { to: "head.kernel", shape: [V, D], transpose: true } }),
      "lm_head.bias": { to: "head.bias", shape: [V] },
    },
    // The frequencies, which older checkpoints store.
    ignored: [`${from}.rotary_emb.inv_freq`],
  };
}

export const architecture: Architecture<PhiConfig> = {
  classNames: ["PhiForCausalLM"],
  readConfig,
  weightTable,
  build,
};
