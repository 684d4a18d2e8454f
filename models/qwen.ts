/**
 * Qwen 2 and 2.5 (Yang et al. 2024, arXiv 2407.10671), Qwen 1.5 and 2 with mixtures of experts, and Qwen 3 (Yang et al.
 * 2025, arXiv 2505.09388).
 *
 * Must match `Qwen2ForCausalLM`, `Qwen2MoeForCausalLM` and `Qwen3ForCausalLM` of Hugging Face transformers. Llama with biases on
 * query, key and value, and perhaps sliding windows in some layers. The second has mixtures of experts in some or all layers,
 * with a shared expert that sees every token. Qwen 3 has no biases, but normalises queries and keys by the root mean
 * square of each head.
 */

import { ConfigError } from "../src/errors.ts";
import { describeJson, type Json, type JsonObject } from "../src/json.ts";
import type { ExpertsChoice } from "../src/layers/rotaryBlock.ts";
import { activation } from "../src/model/activationField.ts";
import { layerTypes, layerWindows } from "../src/model/attentionWindows.ts";
import { strictConfig } from "../src/model/config.ts";
import { count, type FieldValues, flag, json, number, orNull, size } from "../src/model/configField.ts";
import { readRotary, rotaryFields } from "../src/model/rotaryConfig.ts";
import { checkExperts, headSizes } from "../src/model/sizes.ts";
import { attentionRows, expertRows, gatedRows, linearRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Architecture } from "./architecture.ts";
import { expertsOf, type LlamaConfig, llama, llamaTable } from "./llama.ts";

const commonFields = {
  vocabSize: size("vocab_size", 151936),
  layers: size("num_hidden_layers", 32),
  headWidth: orNull(size("head_dim")),
  activation: activation("hidden_act", "silu"),
  maxPositions: size("max_position_embeddings", 32768),
  normEpsilon: number("rms_norm_eps", 1e-6),
  tiedHead: flag("tie_word_embeddings", false),
  slides: flag("use_sliding_window", false),
  window: orNull(count("sliding_window", 4096)),
  /** Layers before this one do not slide; in models with experts, those after it. */
  maxWindowLayers: count("max_window_layers", 28),
  layerTypes,
  ...rotaryFields,
};

/** Sizes of Qwen 2 and 3. */
const denseSizes = {
  width: size("hidden_size", 4096),
  heads: size("num_attention_heads", 32),
  keyValueHeads: orNull(size("num_key_value_heads", 32)),
  feedForwardWidth: size("intermediate_size", 22016),
};

/** Defaults: transformers' `Qwen2Config`. */
function readQwen2(raw: JsonObject): LlamaConfig {
  const read = strictConfig(raw, { model: "qwen2", fields: { ...commonFields, ...denseSizes } });
  const { attention, ...rest } = shared("qwen2", read);
  return {
    type: "qwen2",
    className: qwen2.classNames[0],
    ...rest,
    attention: { ...attention, bias: true },
    feedForward: dense(read),
  };
}

/** Defaults: transformers' `Qwen3Config`. */
function readQwen3(raw: JsonObject): LlamaConfig {
  const read = strictConfig(raw, {
    model: "qwen3",
    fields: {
      ...commonFields,
      ...denseSizes,
      headWidth: orNull(size("head_dim", 128)),
      attentionBias: flag("attention_bias", false),
    },
  });
  const { attention, ...rest } = shared("qwen3", read);
  const { attentionBias: bias, normEpsilon: epsilon } = read;
  const queryKeyNorm = { kind: "rmsPerHead", epsilon } as const;
  return {
    type: "qwen3",
    className: qwen3.classNames[0],
    ...rest,
    attention: { ...attention, bias, outputBias: bias, queryKeyNorm },
    feedForward: dense(read),
  };
}

/** Defaults: transformers' `Qwen2MoeConfig`. */
function readQwen2Moe(raw: JsonObject): LlamaConfig {
  const { sparseStep, denseLayers, qkvBias, ...read } = strictConfig(raw, {
    model: "qwen2_moe",
    fields: {
      ...commonFields,
      width: size("hidden_size", 2048),
      layers: size("num_hidden_layers", 24),
      heads: size("num_attention_heads", 16),
      keyValueHeads: orNull(size("num_key_value_heads", 16)),
      feedForwardWidth: size("intermediate_size", 5632),
      sparseStep: size("decoder_sparse_step", 1),
      denseLayers: orNull(json("mlp_only_layers")),
      expertWidth: size("moe_intermediate_size", 1408),
      sharedWidth: size("shared_expert_intermediate_size", 5632),
      experts: size("num_experts", 60),
      expertsPerToken: size("num_experts_per_tok", 4),
      normalized: flag("norm_topk_prob", false),
      qkvBias: flag("qkv_bias", true),
    },
    // The router's loss: training only.
    ignored: ["router_aux_loss_coef", "output_router_logits"],
  });
  checkExperts(read);
  const { expertWidth: feedForwardWidth, activation, experts, expertsPerToken, normalized, sharedWidth } = read;
  const mixture = { feedForwardWidth, activation, experts, expertsPerToken, normalized, sharedWidth };
  const isDense = (layer: number) => layerNumbers(denseLayers).includes(layer) || (layer + 1) % sparseStep !== 0;
  const denseOnes = Array.from({ length: read.layers }, (_, layer) => layer).filter(isDense);
  const { attention, ...rest } = shared("qwen2_moe", read);
  return {
    type: "qwen2_moe",
    className: qwen2Moe.classNames[0],
    ...rest,
    attention: { ...attention, bias: qkvBias },
    feedForward: mixture,
    feedForwardOf: Object.fromEntries(denseOnes.map((layer) => [layer, dense(read)])),
  };
}

const dense = ({ feedForwardWidth, activation }: FieldValues<typeof commonFields & typeof denseSizes>) => ({
  feedForwardWidth,
  activation,
  gated: true,
  bias: false,
});

function layerNumbers(value: Json): readonly number[] {
  const layers = value ?? [];
  if (Array.isArray(layers) && layers.every((layer) => Number.isSafeInteger(layer))) return layers as number[];
  throw new ConfigError(`mlp_only_layers: expected a list of layer numbers, received ${describeJson(value)}`);
}

/** What all have in common, apart from the feed-forward part. */
function shared(
  type: "qwen2" | "qwen2_moe" | "qwen3",
  read: FieldValues<typeof commonFields & typeof denseSizes>,
): Omit<LlamaConfig, "type" | "className" | "feedForward"> {
  const { vocabSize, width, layers, normEpsilon, tiedHead, slides, window, maxWindowLayers } = read;
  const sizes = headSizes(read);
  const usual = (layer: number) =>
    slides && (type === "qwen2_moe" ? layer % 2 === 0 && layer < maxWindowLayers : layer >= maxWindowLayers);
  return {
    vocabSize,
    width,
    layers,
    attention: { ...sizes, rotary: readRotary(type, { ...read, ...sizes }) },
    windows: layerWindows({ layers, layerTypes: read.layerTypes, usual, window: slides ? window : null }),
    normEpsilon,
    tiedHead,
  };
}

function qwen3Table(config: LlamaConfig): WeightTable {
  const { width, attention } = config;
  const [from, to] = ["layers.{i}.self_attn", "blocks.{i}.attention"];
  return llamaTable(config, {
    attention: {
      ...attentionRows(from, to, { width, ...attention }, attention),
      ...normRows(`${from}.q_norm`, `${to}.queryNorm`, attention.headWidth, false),
      ...normRows(`${from}.k_norm`, `${to}.keyNorm`, attention.headWidth, false),
    },
  });
}

function qwen2MoeTable(config: LlamaConfig): WeightTable {
  const { width, layers, feedForward, feedForwardOf = {} } = config;
  const rows = Array.from({ length: layers }, (_, layer) => {
    const [from, to] = [`layers.${layer}.mlp`, `blocks.${layer}.mlp`];
    const own = feedForwardOf[layer];
    if (own !== undefined) return gatedRows(from, to, width, own.feedForwardWidth);
    const expert = `${from}.experts.{e}`;
    const [gate, up, down] = [`${expert}.gate_proj`, `${expert}.up_proj`, `${expert}.down_proj`];
    const sizes = { width, ...expertsOf(feedForward) };
    return {
      ...expertRows({ router: `${from}.gate`, gate, up, down }, to, sizes),
      ...gatedRows(`${from}.shared_expert`, `${to}.shared`, width, (feedForward as ExpertsChoice).sharedWidth ?? 0),
      ...linearRows(`${from}.shared_expert_gate`, `${to}.sharedGate`, width, 1, false),
    };
  });
  return llamaTable(config, { feedForward: Object.assign({}, ...rows) });
}

export const qwen2: Architecture<LlamaConfig> = {
  classNames: ["Qwen2ForCausalLM"],
  readConfig: readQwen2,
  weightTable: (config) => llamaTable(config),
  build: llama,
};

export const qwen2Moe: Architecture<LlamaConfig> = {
  classNames: ["Qwen2MoeForCausalLM"],
  readConfig: readQwen2Moe,
  weightTable: qwen2MoeTable,
  build: llama,
};

export const qwen3: Architecture<LlamaConfig> = {
  classNames: ["Qwen3ForCausalLM"],
  readConfig: readQwen3,
  weightTable: qwen3Table,
  build: llama,
};
