/**
 * Mistral 7B (Jiang et al. 2023, arXiv 2310.06825) and Mixtral of experts (Jiang et al. 2024, arXiv 2401.04088).
 *
 * Must match `MistralForCausalLM` and `MixtralForCausalLM` of Hugging Face transformers. Llama, whose queries may see a
 * sliding window of the last keys only. Mixtral's feed-forward part is a mixture of experts, the weights of a token's
 * experts summing to one.
 */

import type { JsonObject } from "../src/json.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, number, orNull, size } from "../src/model/configField.ts";
import { readRotary, rotaryFields } from "../src/model/rotaryConfig.ts";
import { checkExperts, headSizes } from "../src/model/sizes.ts";
import { expertRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Architecture } from "./architecture.ts";
import { expertsOf, type LlamaConfig, llama, llamaTable } from "./llama.ts";

/** Sizes of Mistral 7B, which Mixtral shares. */
const commonFields = {
  vocabSize: size("vocab_size", 32000),
  width: size("hidden_size", 4096),
  layers: size("num_hidden_layers", 32),
  heads: size("num_attention_heads", 32),
  keyValueHeads: orNull(size("num_key_value_heads", 8)),
  headWidth: orNull(size("head_dim")),
  feedForwardWidth: size("intermediate_size", 14336),
  activation: activation("hidden_act", "silu"),
  maxPositions: size("max_position_embeddings", 131072),
  tiedHead: flag("tie_word_embeddings", false),
  ...rotaryFields,
};

/** Defaults: transformers' `MistralConfig`. */
function readMistral(raw: JsonObject): LlamaConfig {
  const read = strictConfig(raw, {
    model: "mistral",
    fields: {
      ...commonFields,
      normEpsilon: number("rms_norm_eps", 1e-6),
      window: orNull(size("sliding_window", 4096)),
    },
  });
  const { vocabSize, width, layers, feedForwardWidth, normEpsilon, tiedHead, window } = read;
  const sizes = headSizes(read);
  return {
    type: "mistral",
    className: mistral.classNames[0],
    vocabSize,
    width,
    layers,
    attention: { ...sizes, rotary: readRotary("mistral", { ...read, ...sizes }) },
    windows: Array.from({ length: layers }, () => window ?? undefined),
    feedForward: { feedForwardWidth, activation: read.activation, gated: true, bias: false },
    normEpsilon,
    tiedHead,
  };
}

/** Defaults: transformers' `MixtralConfig`. */
function readMixtral(raw: JsonObject): LlamaConfig {
  const read = strictConfig(raw, {
    model: "mixtral",
    fields: {
      ...commonFields,
      normEpsilon: number("rms_norm_eps", 1e-5),
      window: orNull(size("sliding_window")),
      experts: size(["num_local_experts", "num_experts"], 8),
      expertsPerToken: size("num_experts_per_tok", 2),
    },
    // Noise on the router and its loss: training only.
    ignored: ["router_jitter_noise", "router_aux_loss_coef", "output_router_logits"],
  });
  const { vocabSize, width, layers, feedForwardWidth, normEpsilon, tiedHead, window } = read;
  const { experts, expertsPerToken } = read;
  checkExperts(read);
  const sizes = headSizes(read);
  return {
    type: "mixtral",
    className: mixtral.classNames[0],
    vocabSize,
    width,
    layers,
    attention: { ...sizes, rotary: readRotary("mixtral", { ...read, ...sizes, publishedTheta: 1e6 }) },
    windows: Array.from({ length: layers }, () => window ?? undefined),
    feedForward: { feedForwardWidth, activation: read.activation, experts, expertsPerToken, normalized: true },
    normEpsilon,
    tiedHead,
  };
}

function mixtralTable(config: LlamaConfig): WeightTable {
  const { width, feedForward } = config;
  const from = "layers.{i}.block_sparse_moe";
  const expert = `${from}.experts.{e}`;
  const names = { router: `${from}.gate`, gate: `${expert}.w1`, up: `${expert}.w3`, down: `${expert}.w2` };
  return llamaTable(config, { feedForward: expertRows(names, "blocks.{i}.mlp", { width, ...expertsOf(feedForward) }) });
}

export const mistral: Architecture<LlamaConfig> = {
  classNames: ["MistralForCausalLM"],
  readConfig: readMistral,
  weightTable: (config) => llamaTable(config),
  build: llama,
};

export const mixtral: Architecture<LlamaConfig> = {
  classNames: ["MixtralForCausalLM"],
  readConfig: readMixtral,
  weightTable: mixtralTable,
  build: llama,
};
