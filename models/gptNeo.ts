/**
 * GPT-Neo (Black et al. 2021, "GPT-Neo: Large Scale Autoregressive Language Modeling with Mesh-Tensorflow").
 *
 * Must match `GPTNeoForCausalLM` of Hugging Face transformers. Compared with GPT-2: every second layer sees the last
 * `window_size` positions only, scores are not divided by √K, and queries, keys and values have no biases.
 */

import { ConfigError } from "../src/errors.ts";
import { describeJson, type Json, type JsonObject } from "../src/json.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { disposeLayers } from "../src/layers/layer.ts";
import { LayerNorm } from "../src/layers/layerNorm.ts";
import { outputHead, read, readoutOf } from "../src/layers/outputHead.ts";
import { SelfAttentionBlock } from "../src/layers/selfAttentionBlock.ts";
import { throughBlocks } from "../src/layers/throughBlocks.ts";
import type { Weights } from "../src/layers/weights.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, json, number, orNull, size } from "../src/model/configField.ts";
import type { DecoderInput, DecoderOnlyModel } from "../src/model/model.ts";
import { positionIds } from "../src/model/positions.ts";
import { perHead } from "../src/model/sizes.ts";
import { linearRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Activation } from "../src/ops/activation.ts";
import { add, type Tensor } from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";
import { residualDropout } from "./dropout.ts";

type Reach = "global" | "local";

export interface GptNeoConfig {
  readonly vocabSize: number;
  readonly width: number;
  readonly heads: number;
  readonly maxPositions: number;
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly layerNormEpsilon: number;
  /** How far each layer sees. */
  readonly reaches: readonly Reach[];
  /** How many positions a local layer sees, its own included. */
  readonly window: number;
  readonly tiedHead: boolean;
}

/** Layer `layer` of the model. */
function block(config: GptNeoConfig, layer: number, weights?: Weights): SelfAttentionBlock {
  const { width, heads, feedForwardWidth, activation, layerNormEpsilon: epsilon } = config;
  const window = config.reaches[layer] === "local" ? { before: config.window - 1, after: 0 } : undefined;
  return new SelfAttentionBlock({
    name: `blocks.${layer}`,
    stack: "decoder",
    layer,
    width,
    norm: { kind: "layerNorm", epsilon },
    normPlace: "before",
    attention: { heads, headWidth: width / heads, bias: false, outputBias: true, scale: 1, window },
    mlp: { feedForwardWidth, activation },
    weights,
  });
}

/** The model, its weights drawn from `weights`. */
function build(config: GptNeoConfig, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, width, heads, maxPositions, layerNormEpsilon: epsilon, reaches } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const positions = new Embedding({ name: "positions", vocabSize: maxPositions, width, weights });
  const blocks = reaches.map((_, layer) => block(config, layer, weights));
  const finalNorm = new LayerNorm({ name: "finalNorm", width, epsilon, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, weights });
  const readout = readoutOf(finalNorm, head);
  const parts = [tokens, positions, ...blocks, finalNorm, ...head.layers];

  return {
    kind: "decoder-only",
    facts: {
      type: "gpt_neo",
      className: architecture.classNames[0],
      width,
      vocabSize,
      layers: reaches.length,
      heads,
      maxPositions,
    },
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

/** Defaults: transformers' `GPTNeoConfig`. */
function readConfig(raw: JsonObject): GptNeoConfig {
  const { layers, attentionTypes, attentionLayers, feedForwardWidth, ...read } = strictConfig(raw, {
    model: "gpt_neo",
    fields: {
      vocabSize: size("vocab_size", 50257),
      width: size("hidden_size", 2048),
      layers: size(["num_layers", "num_hidden_layers"], 24),
      heads: size(["num_heads", "num_attention_heads"], 16),
      maxPositions: size("max_position_embeddings", 2048),
      feedForwardWidth: orNull(size("intermediate_size")),
      activation: activation("activation_function", "gelu_new"),
      layerNormEpsilon: number("layer_norm_epsilon", 1e-5),
      attentionTypes: orNull(json("attention_types")),
      attentionLayers: orNull(json("attention_layers")),
      window: size("window_size", 256),
      tiedHead: flag("tie_word_embeddings", true),
    },
    // Dropout of training, and the head of other tasks.
    ignored: ["embed_dropout", "resid_dropout", "summary_*"],
  });
  perHead("hidden_size", read.width, "num_heads", read.heads);
  const reaches = readReaches(attentionTypes ?? [[["global", "local"], 12]]);
  if (reaches.length !== layers) {
    throw new ConfigError(`attention_types: expected as many as num_layers = ${layers}, received ${reaches.length}`);
  }
  if (attentionLayers !== null && JSON.stringify(attentionLayers) !== JSON.stringify(reaches)) {
    throw new ConfigError(`attention_layers: ${describeJson(attentionLayers)} contradicts attention_types`);
  }
  return { ...read, reaches, feedForwardWidth: feedForwardWidth ?? 4 * read.width };
}

/** `[[["global", "local"], 12]]` is 12 times global, local. */
function readReaches(types: Json): readonly Reach[] {
  const isReach = (value: Json): value is Reach => value === "global" || value === "local";
  const expand = (item: Json): readonly Reach[] | undefined => {
    const [pattern, times] = Array.isArray(item) ? item : [];
    if (!Array.isArray(pattern) || !pattern.every(isReach) || typeof times !== "number") return undefined;
    return Array.from({ length: times }, () => pattern).flat();
  };
  const reaches = Array.isArray(types) ? types.map(expand) : [undefined];
  if (reaches.every((reach) => reach !== undefined)) return reaches.flat();
  throw new ConfigError(
    'attention_types: expected pairs of a list of "global" and "local" and how often it is repeated, ' +
      `received ${describeJson(types)}`,
  );
}

function weightTable(config: GptNeoConfig): WeightTable {
  const { vocabSize: V, width: D, feedForwardWidth: F, maxPositions: P } = config;
  const [from, to] = ["h.{i}", "blocks.{i}"];
  const attention = `${from}.attn.attention`;
  return {
    counts: { i: config.reaches.length },
    prefixes: ["transformer."],
    rows: {
      "wte.weight": { to: "tokens.table", shape: [V, D], copies: config.tiedHead ? ["lm_head.weight"] : [] },
      "wpe.weight": { to: "positions.table", shape: [P, D] },
      ...normRows(`${from}.ln_1`, `${to}.attentionNorm`, D),
      ...linearRows(`${attention}.q_proj`, `${to}.attention.query`, D, D, false),
      ...linearRows(`${attention}.k_proj`, `${to}.attention.key`, D, D, false),
      ...linearRows(`${attention}.v_proj`, `${to}.attention.value`, D, D, false),
      ...linearRows(`${attention}.out_proj`, `${to}.attention.output`, D, D),
      ...normRows(`${from}.ln_2`, `${to}.mlpNorm`, D),
      ...linearRows(`${from}.mlp.c_fc`, `${to}.mlp.up`, D, F),
      ...linearRows(`${from}.mlp.c_proj`, `${to}.mlp.down`, F, D),
      ...normRows("ln_f", "finalNorm", D),
      ...(!config.tiedHead && linearRows("lm_head", "head", D, V, false)),
    },
    // The causal mask, which older checkpoints store.
    ignored: [`${attention}.bias`, `${attention}.masked_bias`],
  };
}

export const architecture: Architecture<GptNeoConfig> = {
  classNames: ["GPTNeoForCausalLM"],
  dropout: {
    embedding: ["embed_dropout", 0],
    attention: ["attention_dropout", 0],
    ...residualDropout("resid_dropout", 0),
  },
  readConfig,
  weightTable,
  build,
};
