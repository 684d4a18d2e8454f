/**
 * Granite 3 (IBM 2024, "Granite 3.0 Language Models"), dense and with mixtures of experts.
 *
 * Must match `GraniteForCausalLM` and `GraniteMoeForCausalLM` of Hugging Face transformers. Llama with four constants, which
 * multiply embeddings, attention scores (instead of 1/√K), what each part adds to the residual stream, and logits (here as
 * a divisor). The feed-forward part of the second is a mixture of experts, whose probabilities are taken over the
 * chosen ones only; all experts of a layer are stored in one tensor.
 */

import type { JsonObject } from "../src/json.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { type FieldValues, flag, number, orNull, size } from "../src/model/configField.ts";
import { readRotary, rotaryFields } from "../src/model/rotaryConfig.ts";
import { checkExperts, headSizes } from "../src/model/sizes.ts";
import { linearRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Architecture } from "./architecture.ts";
import { expertsOf, type LlamaConfig, llama, llamaTable } from "./llama.ts";

/** Defaults: transformers' `GraniteConfig` and `GraniteMoeConfig`, which agree where both have an attribute. */
const commonFields = {
  vocabSize: size("vocab_size", 32000),
  width: size("hidden_size", 4096),
  layers: size("num_hidden_layers", 32),
  heads: size("num_attention_heads", 32),
  keyValueHeads: orNull(size("num_key_value_heads")),
  feedForwardWidth: size("intermediate_size", 11008),
  activation: activation("hidden_act", "silu"),
  maxPositions: size("max_position_embeddings", 2048),
  normEpsilon: number("rms_norm_eps", 1e-6),
  attentionBias: flag("attention_bias", false),
  tiedHead: flag("tie_word_embeddings", false),
  embedding: number("embedding_multiplier", 1),
  residual: number("residual_multiplier", 1),
  attentionScale: number("attention_multiplier", 1),
  logitsDivisor: number("logits_scaling", 1),
  ...rotaryFields,
};

type Common = FieldValues<typeof commonFields>;

function readGranite(raw: JsonObject): LlamaConfig {
  const read = strictConfig(raw, {
    model: "granite",
    fields: { ...commonFields, feedForwardBias: flag("mlp_bias", false) },
  });
  const { feedForwardWidth, activation, feedForwardBias: bias } = read;
  const feedForward = { feedForwardWidth, activation, gated: true, bias };
  return { type: "granite", className: granite.classNames[0], ...shared("granite", read), feedForward };
}

function readGraniteMoe(raw: JsonObject): LlamaConfig {
  const read = strictConfig(raw, {
    model: "granitemoe",
    fields: {
      ...commonFields,
      experts: size("num_local_experts", 8),
      expertsPerToken: size("num_experts_per_tok", 2),
    },
    // The router's loss: training only.
    ignored: ["router_aux_loss_coef", "output_router_logits"],
  });
  checkExperts(read);
  const { feedForwardWidth, activation, experts, expertsPerToken } = read;
  const feedForward = { feedForwardWidth, activation, experts, expertsPerToken, normalized: true };
  return { type: "granitemoe", className: granitemoe.classNames[0], ...shared("granitemoe", read), feedForward };
}

/** What both have in common, apart from the feed-forward part. */
function shared(model: string, read: Common): Omit<LlamaConfig, "type" | "className" | "feedForward"> {
  const { vocabSize, width, layers, normEpsilon, tiedHead, attentionBias: bias, attentionScale: scale } = read;
  const sizes = headSizes(read);
  const { embedding, residual, logitsDivisor } = read;
  return {
    vocabSize,
    width,
    layers,
    attention: { ...sizes, rotary: readRotary(model, { ...read, ...sizes }), bias, outputBias: bias, scale },
    normEpsilon,
    tiedHead,
    multipliers: { embedding, residual, logits: 1 / logitsDivisor },
  };
}

function moeTable(config: LlamaConfig): WeightTable {
  const { width: D } = config;
  const { experts: E, inner: F } = expertsOf(config.feedForward);
  const [from, to] = ["layers.{i}.block_sparse_moe", "blocks.{i}.mlp"];
  const expert = `${to}.experts.{e}`;
  return llamaTable(config, {
    feedForward: {
      ...linearRows(`${from}.router.layer`, `${to}.router`, D, E, false),
      [`${from}.input_linear.weight`]: {
        to: { [`${expert}.gate.kernel`]: F, [`${expert}.up.kernel`]: F },
        shape: [E, 2 * F, D],
        slices: "e",
        transpose: true,
      },
      [`${from}.output_linear.weight`]: { to: `${expert}.down.kernel`, shape: [E, D, F], slices: "e", transpose: true },
    },
  });
}

export const granite: Architecture<LlamaConfig> = {
  classNames: ["GraniteForCausalLM"],
  readConfig: readGranite,
  weightTable: (config) => llamaTable(config),
  build: llama,
};

export const granitemoe: Architecture<LlamaConfig> = {
  classNames: ["GraniteMoeForCausalLM"],
  readConfig: readGraniteMoe,
  weightTable: moeTable,
  build: llama,
};
