/**
 * StableLM 3B and StableLM 2 (Bellagente et al. 2024, arXiv 2402.17834).
 *
 * Must match `StableLmForCausalLM` of Hugging Face transformers. Compared with Llama: layer normalisation, positions that turn
 * the first part of each head only, perhaps biases on query, key and value. The 12B model normalises queries and keys by
 * heads, and lets attention and feed-forward part read the same input.
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
import { flag, number, size } from "../src/model/configField.ts";
import type { DecoderOnlyModel } from "../src/model/model.ts";
import { partialFactor, readRotary, rotaryFields } from "../src/model/rotaryConfig.ts";
import { headSizes } from "../src/model/sizes.ts";
import { attentionRows, embeddingRows, gatedRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Activation } from "../src/ops/activation.ts";
import type { Architecture } from "./architecture.ts";
import { rotaryDecoder } from "./rotaryDecoder.ts";

export interface StableLmConfig {
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly attention: RotaryAttentionChoice;
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly parallel: boolean;
  readonly normEpsilon: number;
  readonly tiedHead: boolean;
}

/** The model, its weights drawn from `weights`. */
export function stablelm(config: StableLmConfig, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, width, layers, attention, feedForwardWidth, activation, normEpsilon: epsilon } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const blocks = Array.from(
    { length: layers },
    (_, layer) =>
      new RotaryBlock({
        name: `blocks.${layer}`,
        layer,
        width,
        attention,
        feedForward: { feedForwardWidth, activation, gated: true, bias: false },
        norm: { kind: "layerNorm", epsilon },
        normPlace: config.parallel ? "parallel" : "before",
        weights,
      }),
  );
  const finalNorm = new LayerNorm({ name: "finalNorm", width, epsilon, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, weights });
  const type = "stablelm";
  return rotaryDecoder({ type, className: architecture.classNames[0], tokens, blocks, finalNorm, head });
}

/** Defaults: transformers' `StableLmConfig`. */
function readConfig(raw: JsonObject): StableLmConfig {
  const read = strictConfig(raw, {
    model: "stablelm",
    fields: {
      vocabSize: size("vocab_size", 50304),
      width: size("hidden_size", 2560),
      layers: size("num_hidden_layers", 32),
      heads: size("num_attention_heads", 32),
      keyValueHeads: size("num_key_value_heads", 32),
      feedForwardWidth: size("intermediate_size", 6912),
      activation: activation("hidden_act", "silu"),
      maxPositions: size("max_position_embeddings", 4096),
      normEpsilon: number("layer_norm_eps", 1e-5),
      attentionBias: flag("use_qkv_bias", false),
      normalizesHeads: flag("qk_layernorm", false),
      parallel: flag("use_parallel_residual", false),
      tiedHead: flag("tie_word_embeddings", false),
      partialFactor,
      ...rotaryFields,
    },
  });
  const { vocabSize, width, layers, feedForwardWidth, activation: phi, parallel, normEpsilon, tiedHead } = read;
  const sizes = headSizes(read);
  const partial = { factor: read.partialFactor, published: 0.25 };
  return {
    vocabSize,
    width,
    layers,
    attention: {
      ...sizes,
      rotary: readRotary("stablelm", { ...read, ...sizes, partial }),
      bias: read.attentionBias,
      queryKeyNorm: read.normalizesHeads ? { kind: "layerNormPerHead", epsilon: normEpsilon } : undefined,
    },
    feedForwardWidth,
    activation: phi,
    parallel,
    normEpsilon,
    tiedHead,
  };
}

function weightTable(config: StableLmConfig): WeightTable {
  const { vocabSize, width: D, layers, attention, feedForwardWidth, parallel, tiedHead } = config;
  const { heads, keyValueHeads, headWidth: K, queryKeyNorm } = attention;
  const [from, to] = ["layers.{i}", "blocks.{i}"];
  return {
    counts: { i: layers, h: heads, g: keyValueHeads },
    prefixes: ["model."],
    rows: {
      ...embeddingRows(vocabSize, D, tiedHead),
      ...normRows(`${from}.input_layernorm`, `${to}.attentionNorm`, D),
      ...attentionRows(`${from}.self_attn`, `${to}.attention`, { width: D, ...attention }, attention),
      // One vector for each head.
      ...(queryKeyNorm && {
        ...normRows(`${from}.self_attn.q_layernorm.norms.{h}`, `${to}.attention.queryNorm`, K, false),
        ...normRows(`${from}.self_attn.k_layernorm.norms.{g}`, `${to}.attention.keyNorm`, K, false),
      }),
      ...(!parallel && normRows(`${from}.post_attention_layernorm`, `${to}.mlpNorm`, D)),
      ...gatedRows(`${from}.mlp`, `${to}.mlp`, D, feedForwardWidth),
      ...normRows("norm", "finalNorm", D),
    },
    ignored: [`${from}.self_attn.rotary_emb.inv_freq`],
  };
}

export const architecture: Architecture<StableLmConfig> = {
  classNames: ["StableLmForCausalLM"],
  dropout: { attention: ["attention_dropout", 0], mlpOutput: ["hidden_dropout", 0] },
  readConfig,
  weightTable,
  build: stablelm,
};
