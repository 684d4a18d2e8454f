/**
 * StarCoder 2 (Lozhkov et al. 2024, arXiv 2402.19173).
 *
 * Must match `Starcoder2ForCausalLM` of Hugging Face transformers. Compared with Llama: layer normalisation, a feed-forward
 * part without gate (GELU, tanh form), biases everywhere, perhaps a sliding window, and a tied output head.
 */

import type { JsonObject } from "../src/json.ts";
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
import { readRotary, rotaryFields } from "../src/model/rotaryConfig.ts";
import { headSizes } from "../src/model/sizes.ts";
import { attentionRows, embeddingRows, linearRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Activation } from "../src/ops/activation.ts";
import type { Architecture } from "./architecture.ts";
import { residualDropout } from "./dropout.ts";
import { rotaryDecoder } from "./rotaryDecoder.ts";

export interface Starcoder2Config {
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly attention: RotaryAttentionChoice;
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly bias: boolean;
  readonly normEpsilon: number;
  readonly tiedHead: boolean;
}

/** The model, its weights drawn from `weights`. */
export function starcoder2(config: Starcoder2Config, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, width, layers, attention, feedForwardWidth, activation, bias, normEpsilon: epsilon } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const blocks = Array.from(
    { length: layers },
    (_, layer) =>
      new RotaryBlock({
        name: `blocks.${layer}`,
        layer,
        width,
        attention,
        feedForward: { feedForwardWidth, activation, bias },
        norm: { kind: "layerNorm", epsilon },
        normPlace: "before",
        weights,
      }),
  );
  const finalNorm = new LayerNorm({ name: "finalNorm", width, epsilon, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, weights });
  const type = "starcoder2";
  return rotaryDecoder({ type, className: architecture.classNames[0], tokens, blocks, finalNorm, head });
}

/** Defaults: transformers' `Starcoder2Config`. */
function readConfig(raw: JsonObject): Starcoder2Config {
  const { window, heads, keyValueHeads, ...read } = strictConfig(raw, {
    model: "starcoder2",
    fields: {
      vocabSize: size("vocab_size", 49152),
      width: size("hidden_size", 3072),
      layers: size("num_hidden_layers", 30),
      heads: size("num_attention_heads", 24),
      keyValueHeads: size("num_key_value_heads", 2),
      feedForwardWidth: size("intermediate_size", 12288),
      activation: activation("hidden_act", "gelu_new"),
      maxPositions: size("max_position_embeddings", 4096),
      normEpsilon: number("norm_epsilon", 1e-5),
      window: orNull(size("sliding_window")),
      bias: flag("use_bias", true),
      tiedHead: flag("tie_word_embeddings", true),
      ...rotaryFields,
    },
    ignored: ["residual_dropout", "embedding_dropout"],
    // What the releases say of their parts, which the reference does not read.
    onlyIf: { mlp_type: ["default"], norm_type: ["layer_norm"] },
  });
  const { vocabSize, width, layers, feedForwardWidth, activation: phi, bias, normEpsilon, tiedHead } = read;
  const sizes = headSizes({ width, heads, keyValueHeads });
  const rotary = readRotary("starcoder2", { ...read, ...sizes });
  return {
    vocabSize,
    width,
    layers,
    attention: { ...sizes, rotary, window: window ?? undefined, bias, outputBias: bias },
    feedForwardWidth,
    activation: phi,
    bias,
    normEpsilon,
    tiedHead,
  };
}

function weightTable(config: Starcoder2Config): WeightTable {
  const { vocabSize, width: D, layers, attention, feedForwardWidth: F, bias, tiedHead } = config;
  const [from, to] = ["layers.{i}", "blocks.{i}"];
  return {
    counts: { i: layers },
    prefixes: ["model."],
    rows: {
      ...embeddingRows(vocabSize, D, tiedHead),
      ...normRows(`${from}.input_layernorm`, `${to}.attentionNorm`, D),
      ...attentionRows(`${from}.self_attn`, `${to}.attention`, { width: D, ...attention }, attention),
      ...normRows(`${from}.post_attention_layernorm`, `${to}.mlpNorm`, D),
      ...linearRows(`${from}.mlp.c_fc`, `${to}.mlp.up`, D, F, bias),
      ...linearRows(`${from}.mlp.c_proj`, `${to}.mlp.down`, F, D, bias),
      ...normRows("norm", "finalNorm", D),
    },
    ignored: [`${from}.self_attn.rotary_emb.inv_freq`],
  };
}

export const architecture: Architecture<Starcoder2Config> = {
  classNames: ["Starcoder2ForCausalLM"],
  dropout: {
    embedding: ["embedding_dropout", 0],
    attention: ["attention_dropout", 0],
    ...residualDropout("residual_dropout", 0),
  },
  readConfig,
  weightTable,
  build: starcoder2,
};
