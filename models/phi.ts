/**
 * Phi-1, 1.5 and 2 (Gunasekar et al. 2023, arXiv 2306.11644; Li et al. 2023, arXiv 2309.05463).
 *
 * Must match `PhiForCausalLM` of Hugging Face transformers. Compared with GPT-J, whose block and head it shares: biases
 * in attention, pairs of widths as halves, key/value heads that may be shared by groups, and queries and keys that may be
 * normalised head by head before they are turned.
 */

import { isJsonObject, type Json, type JsonObject } from "../src/json.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { LayerNorm } from "../src/layers/layerNorm.ts";
import { outputHead } from "../src/layers/outputHead.ts";
import type { RotaryAttentionChoice } from "../src/layers/rotaryAttention.ts";
import { RotaryBlock } from "../src/layers/rotaryBlock.ts";
import type { Weights } from "../src/layers/weights.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, number, orNull, size } from "../src/model/configField.ts";
import type { DecoderOnlyModel } from "../src/model/model.ts";
import { partialFactor, readRotary, rotaryFields } from "../src/model/rotaryConfig.ts";
import { headSizes } from "../src/model/sizes.ts";
import { linearRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Activation } from "../src/ops/activation.ts";
import type { Architecture } from "./architecture.ts";
import { gptDropout } from "./dropout.ts";
import { rotaryDecoder } from "./rotaryDecoder.ts";

export interface PhiConfig {
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly attention: RotaryAttentionChoice;
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly layerNormEpsilon: number;
  readonly tiedHead: boolean;
}

/** The model, its weights drawn from `weights`. */
function build(config: PhiConfig, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, width, layers, attention, feedForwardWidth, activation, layerNormEpsilon: epsilon } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const blocks = Array.from(
    { length: layers },
    (_, layer) =>
      new RotaryBlock({
        name: `blocks.${layer}`,
        layer,
        width,
        attention,
        feedForward: { feedForwardWidth, activation },
        norm: { kind: "layerNorm", epsilon },
        normPlace: "parallel",
        weights,
      }),
  );
  const finalNorm = new LayerNorm({ name: "finalNorm", width, epsilon, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, bias: true, weights });
  return rotaryDecoder({ type: "phi", className: architecture.classNames[0], tokens, blocks, finalNorm, head });
}

/** Defaults: transformers' `PhiConfig`. */
function readConfig(raw: JsonObject): PhiConfig {
  const {
    heads,
    keyValueHeads,
    normalized,
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
      normalized: flag("qk_layernorm", false),
      tiedHead: flag("tie_word_embeddings", false),
      rotaryShare: partialFactor,
      ...rotaryFields,
    },
  });
  const sizes = headSizes({ ...read, heads, keyValueHeads, headWidth: null });
  const rotary = {
    ...{ ropeTheta, ropeScaling, ropeParameters, originalMaxPositions, maxPositions },
    headWidth: sizes.headWidth,
    // transformers 5 writes the default here, too, whatever stands among the rotary parameters.
    partial: { factor: statesShare(ropeParameters) ? null : rotaryShare, published: 0.5 },
  };
  const queryKeyNorm = { kind: "layerNormShared", epsilon: read.layerNormEpsilon } as const;
  return {
    ...read,
    attention: {
      ...sizes,
      rotary: readRotary("phi", rotary),
      bias: true,
      outputBias: true,
      queryKeyNorm: normalized ? queryKeyNorm : undefined,
    },
  };
}

const statesShare = (ropeParameters: Json): boolean =>
  isJsonObject(ropeParameters) && Object.hasOwn(ropeParameters, "partial_rotary_factor");

function weightTable(config: PhiConfig): WeightTable {
  const { vocabSize: V, width: D, feedForwardWidth: F, attention } = config;
  const { headWidth: K, keyValueHeads: G } = attention;
  const [from, to] = ["layers.{i}.self_attn", "blocks.{i}.attention"];
  return {
    counts: { i: config.layers },
    prefixes: ["model."],
    rows: {
      "embed_tokens.weight": { to: "tokens.table", shape: [V, D], copies: config.tiedHead ? ["lm_head.weight"] : [] },
      ...normRows("layers.{i}.input_layernorm", "blocks.{i}.attentionNorm", D),
      ...linearRows(`${from}.q_proj`, `${to}.query`, D, D),
      ...linearRows(`${from}.k_proj`, `${to}.key`, D, G * K),
      ...linearRows(`${from}.v_proj`, `${to}.value`, D, G * K),
      ...(attention.queryKeyNorm && {
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
  dropout: gptDropout(0, "attention_dropout"),
  readConfig,
  weightTable,
  build,
};
