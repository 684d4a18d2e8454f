/**
 * Phi-3, Phi-3.5 and Phi-4 (Abdin et al. 2024, arXiv 2404.14219 and 2412.08905).
 *
 * Must match `Phi3ForCausalLM` of Hugging Face transformers. Llama whose query, key and value projections are stored as one
 * matrix, and gate and up projections as another; perhaps with a sliding window, with positions that turn only a part of
 * each head (Phi-4-mini), and stretched by LongRoPE (the 128k variants).
 *
 * One difference: when a text that is being generated outgrows the original context, the reference forgets its cache and
 * turns all keys again by the long factors; here keys keep the factors of the step that made them.
 */

import { isJsonObject, type Json, type JsonObject } from "../src/json.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, number, orNull, size } from "../src/model/configField.ts";
import { partialFactor, readRotary, rotaryFields } from "../src/model/rotaryConfig.ts";
import { headSizes } from "../src/model/sizes.ts";
import { linearRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Architecture } from "./architecture.ts";
import { residualDropout } from "./dropout.ts";
import { type LlamaConfig, llama, llamaTable } from "./llama.ts";

/** Positions that the models were trained with before their context was stretched. */
const ORIGINAL_POSITIONS = 4096;

/** Defaults: transformers' `Phi3Config`. */
function readConfig(raw: JsonObject): LlamaConfig {
  const read = strictConfig(raw, {
    model: "phi3",
    fields: {
      vocabSize: size("vocab_size", 32064),
      width: size("hidden_size", 3072),
      layers: size("num_hidden_layers", 32),
      heads: size("num_attention_heads", 32),
      keyValueHeads: orNull(size("num_key_value_heads")),
      feedForwardWidth: size("intermediate_size", 8192),
      activation: activation("hidden_act", "silu"),
      maxPositions: size("max_position_embeddings", 4096),
      normEpsilon: number("rms_norm_eps", 1e-5),
      window: orNull(size("sliding_window")),
      tiedHead: flag("tie_word_embeddings", false),
      partialFactor,
      ...rotaryFields,
    },
    // What the first releases say; the reference has no such biases.
    onlyIf: { attention_bias: [false], lm_head_bias: [false] },
  });
  const { vocabSize, width, layers, feedForwardWidth, normEpsilon, tiedHead, window } = read;
  const sizes = headSizes(read);
  const rotary = readRotary("phi3", {
    ...read,
    ...sizes,
    ropeScaling: longrope(read.ropeScaling),
    ropeParameters: longrope(read.ropeParameters),
    originalMaxPositions: read.originalMaxPositions ?? ORIGINAL_POSITIONS,
    partial: { factor: read.partialFactor, published: 1 },
  });
  return {
    type: "phi3",
    className: architecture.classNames[0],
    vocabSize,
    width,
    layers,
    attention: { ...sizes, rotary },
    windows: Array.from({ length: layers }, () => window ?? undefined),
    feedForward: { feedForwardWidth, activation: read.activation, gated: true, bias: false },
    normEpsilon,
    tiedHead,
  };
}

/** The first releases call LongRoPE `su` or `yarn`. */
function longrope(parameters: Json): Json {
  if (!isJsonObject(parameters)) return parameters;
  const type = parameters.rope_type ?? parameters.type ?? null;
  if (type !== "su" && type !== "yarn") return parameters;
  const { type: _old, ...others } = parameters;
  return { ...others, rope_type: "longrope" };
}

function weightTable(config: LlamaConfig): WeightTable {
  const { width: D, attention, feedForward } = config;
  const F = feedForward.feedForwardWidth;
  const [Q, KV] = [attention.heads * attention.headWidth, attention.keyValueHeads * attention.headWidth];
  const [from, block] = ["layers.{i}", "blocks.{i}"];
  return llamaTable(config, {
    attention: {
      [`${from}.self_attn.qkv_proj.weight`]: {
        to: {
          [`${block}.attention.query.kernel`]: Q,
          [`${block}.attention.key.kernel`]: KV,
          [`${block}.attention.value.kernel`]: KV,
        },
        shape: [Q + 2 * KV, D],
        transpose: true,
      },
      ...linearRows(`${from}.self_attn.o_proj`, `${block}.attention.output`, Q, D, false),
    },
    feedForward: {
      [`${from}.mlp.gate_up_proj.weight`]: {
        to: { [`${block}.mlp.gate.kernel`]: F, [`${block}.mlp.up.kernel`]: F },
        shape: [2 * F, D],
        transpose: true,
      },
      ...linearRows(`${from}.mlp.down_proj`, `${block}.mlp.down`, F, D, false),
    },
  });
}

export const architecture: Architecture<LlamaConfig> = {
  classNames: ["Phi3ForCausalLM"],
  dropout: { attention: ["attention_dropout", 0], ...residualDropout("resid_pdrop", 0) },
  readConfig,
  weightTable,
  build: llama,
};
