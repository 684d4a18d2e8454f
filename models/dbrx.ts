/**
 * DBRX (Databricks 2024, "Introducing DBRX").
 *
 * Must match `DbrxForCausalLM` of Hugging Face transformers 4. Compared with Mixtral: layer normalisation without biases,
 * queries, keys and values that may be clipped, and fused projections; all experts of a layer are stored in one matrix.
 * (transformers 5 takes θ from its rotary parameters and no longer from `attn_config`, where the published model has it.)
 */

import { ConfigError } from "../src/errors.ts";
import { describeJson, isJsonObject, type Json, type JsonObject } from "../src/json.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { LayerNorm } from "../src/layers/layerNorm.ts";
import { outputHead } from "../src/layers/outputHead.ts";
import type { RotaryAttentionChoice } from "../src/layers/rotaryAttention.ts";
import { type ExpertsChoice, RotaryBlock } from "../src/layers/rotaryBlock.ts";
import type { Weights } from "../src/layers/weights.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { json, number, orNull, size } from "../src/model/configField.ts";
import type { DecoderOnlyModel } from "../src/model/model.ts";
import { readRotary, rotaryFields } from "../src/model/rotaryConfig.ts";
import { checkExperts, headSizes } from "../src/model/sizes.ts";
import { linearRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Architecture } from "./architecture.ts";
import { residualDropout } from "./dropout.ts";
import { rotaryDecoder } from "./rotaryDecoder.ts";

export interface DbrxConfig {
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly attention: RotaryAttentionChoice;
  readonly experts: ExpertsChoice;
}

/** PyTorch's default, which the reference does not change. */
const LAYER_NORM_EPSILON = 1e-5;

/** The model, its weights drawn from `weights`. */
function build(config: DbrxConfig, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, width, layers, attention, experts } = config;
  const norm = { epsilon: LAYER_NORM_EPSILON, bias: false };
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const blocks = Array.from(
    { length: layers },
    (_, layer) =>
      new RotaryBlock({
        name: `blocks.${layer}`,
        layer,
        width,
        attention,
        feedForward: experts,
        norm: { kind: "layerNorm", ...norm },
        normPlace: "before",
        weights,
      }),
  );
  const finalNorm = new LayerNorm({ name: "finalNorm", width, ...norm, weights });
  const head = outputHead({ tokens, tied: false, weights });
  return rotaryDecoder({ type: "dbrx", className: architecture.classNames[0], tokens, blocks, finalNorm, head });
}

/** Defaults: transformers' `DbrxConfig`. */
function readConfig(raw: JsonObject): DbrxConfig {
  const {
    attention,
    experts,
    heads,
    statedGroups,
    maxPositions,
    ropeTheta,
    ropeScaling,
    ropeParameters,
    originalMaxPositions,
    ...read
  } = strictConfig(raw, {
    model: "dbrx",
    fields: {
      vocabSize: size("vocab_size", 32000),
      width: size(["d_model", "hidden_size"], 2048),
      layers: size(["n_layers", "num_hidden_layers"], 24),
      heads: size(["n_heads", "num_attention_heads"], 16),
      statedGroups: orNull(size("num_key_value_heads")),
      maxPositions: size(["max_seq_len", "max_position_embeddings"], 2048),
      attention: orNull(json("attn_config")),
      experts: orNull(json("ffn_config")),
      ...rotaryFields,
    },
    // Dropout and the router's loss: training only.
    ignored: ["emb_pdrop", "output_router_logits", "router_aux_loss_coef"],
    // As the reference.
    onlyIf: { tie_word_embeddings: [false] },
  });
  const { theta, clip, keyValueHeads } = readAttention(attention);
  if (statedGroups !== null && statedGroups !== keyValueHeads) {
    throw new ConfigError(`num_key_value_heads: ${statedGroups} contradicts attn_config.kv_n_heads: ${keyValueHeads}`);
  }
  const sizes = headSizes({ width: read.width, heads, keyValueHeads, headWidth: null });
  const rope = { ropeTheta: theta ?? ropeTheta, ropeScaling, ropeParameters, originalMaxPositions, maxPositions };
  return {
    ...read,
    attention: {
      ...sizes,
      rotary: readRotary("dbrx", { ...rope, headWidth: sizes.headWidth }),
      clip: clip ?? undefined,
    },
    experts: readExperts(experts),
  };
}

/** Defaults: transformers' `DbrxAttentionConfig`. */
function readAttention(raw: Json) {
  return strictConfig(objectOf("attn_config", raw), {
    model: "dbrx (its attn_config)",
    fields: {
      keyValueHeads: size("kv_n_heads", 1),
      clip: orNull(number("clip_qkv")),
      theta: orNull(number("rope_theta")),
    },
  });
}

/** Defaults: transformers' `DbrxFFNConfig`. */
function readExperts(raw: Json): ExpertsChoice {
  const {
    activation: named,
    normalization,
    ...read
  } = strictConfig(objectOf("ffn_config", raw), {
    model: "dbrx (its ffn_config)",
    fields: {
      feedForwardWidth: size("ffn_hidden_size", 3584),
      experts: size("moe_num_experts", 4),
      expertsPerToken: size("moe_top_k", 1),
      // The order of the norm of a token's weights by which they are divided; null leaves them as they are.
      normalization: orNull(number("moe_normalize_expert_weights", 1)),
      activation: orNull(json("ffn_act_fn")),
    },
    // The router's noise and loss: training only; and the width, which is the model's.
    ignored: ["hidden_size", "moe_jitter_eps", "moe_loss_weight", "uniform_expert_assignment"],
  });
  if (normalization !== null && normalization !== 1) {
    throw new ConfigError(`moe_normalize_expert_weights: only 1 or null is implemented, received ${normalization}`);
  }
  checkExperts(read);
  const { activation: name } = strictConfig(objectOf("ffn_act_fn", named), {
    model: "dbrx (its ffn_act_fn)",
    fields: { activation: activation("name", "silu") },
  });
  return { ...read, activation: name, normalized: normalization === 1 };
}

function objectOf(name: string, value: Json): JsonObject {
  if (value === null) return {};
  if (isJsonObject(value)) return value;
  throw new ConfigError(`${name}: expected an object, received ${describeJson(value)}`);
}

function weightTable(config: DbrxConfig): WeightTable {
  const { vocabSize: V, width: D, attention, experts } = config;
  const { heads: H, keyValueHeads: G, headWidth: K } = attention;
  const { experts: E, feedForwardWidth: F } = experts;
  const [from, to] = ["blocks.{i}", "blocks.{i}"];
  const expert = (matrix: string, ours: string, transpose: boolean): WeightTable["rows"] => ({
    [`${from}.ffn.experts.mlp.${matrix}`]: {
      to: `${to}.mlp.experts.{e}.${ours}.kernel`,
      shape: [E, F, D],
      slices: "e",
      flat: true,
      transpose,
    },
  });
  return {
    counts: { i: config.layers, e: E },
    prefixes: ["transformer."],
    rows: {
      "wte.weight": { to: "tokens.table", shape: [V, D] },
      ...normRows(`${from}.norm_attn_norm.norm_1`, `${to}.attentionNorm`, D, false),
      [`${from}.norm_attn_norm.attn.Wqkv.weight`]: {
        to: {
          [`${to}.attention.query.kernel`]: H * K,
          [`${to}.attention.key.kernel`]: G * K,
          [`${to}.attention.value.kernel`]: G * K,
        },
        shape: [(H + 2 * G) * K, D],
        transpose: true,
      },
      ...linearRows(`${from}.norm_attn_norm.attn.out_proj`, `${to}.attention.output`, D, D, false),
      ...normRows(`${from}.norm_attn_norm.norm_2`, `${to}.mlpNorm`, D, false),
      ...linearRows(`${from}.ffn.router.layer`, `${to}.mlp.router`, D, E, false),
      ...expert("w1", "gate", true),
      ...expert("v1", "up", true),
      ...expert("w2", "down", false),
      ...normRows("norm_f", "finalNorm", D, false),
      ...linearRows("lm_head", "head", D, V, false),
    },
  };
}

export const architecture: Architecture<DbrxConfig> = {
  classNames: ["DbrxForCausalLM"],
  dropout: { attention: ["attn_config.attn_pdrop", 0], ...residualDropout("resid_pdrop", 0) },
  readConfig,
  weightTable,
  build,
};
