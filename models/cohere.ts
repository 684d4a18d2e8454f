/**
 * Command R (Cohere 2024, "Command R: Retrieval Augmented Generation at Production Scale").
 *
 * Must match `CohereForCausalLM` of Hugging Face transformers. Compared with Llama: attention and feed-forward part read the
 * same normalised input and are added together, layer normalisation has a scale and no bias, positions turn
 * neighbouring numbers of a head, queries and keys may be normalised by heads, the output head is tied, and logits are
 * multiplied by a constant.
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
import { attentionRows, embeddingRows, gatedRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Activation } from "../src/ops/activation.ts";
import { mul, scalar } from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";
import { rotaryDecoder } from "./rotaryDecoder.ts";

export interface CohereConfig {
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly attention: RotaryAttentionChoice;
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly normEpsilon: number;
  readonly logitsScale: number;
  readonly tiedHead: boolean;
}

/** The model, its weights drawn from `weights`. */
export function cohere(config: CohereConfig, weights?: Weights): DecoderOnlyModel {
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
        norm: { kind: "layerNorm", epsilon, bias: false },
        normPlace: "parallel",
        weights,
      }),
  );
  const finalNorm = new LayerNorm({ name: "finalNorm", width, epsilon, bias: false, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, weights });
  return rotaryDecoder({
    type: "cohere",
    className: architecture.classNames[0],
    tokens,
    blocks,
    finalNorm,
    head,
    logits: (x) => mul(x, scalar(config.logitsScale)),
  });
}

/** Defaults: transformers' `CohereConfig`. */
function readConfig(raw: JsonObject): CohereConfig {
  const read = strictConfig(raw, {
    model: "cohere",
    fields: {
      vocabSize: size("vocab_size", 256000),
      width: size("hidden_size", 8192),
      layers: size("num_hidden_layers", 40),
      heads: size("num_attention_heads", 64),
      keyValueHeads: orNull(size("num_key_value_heads")),
      feedForwardWidth: size("intermediate_size", 22528),
      activation: activation("hidden_act", "silu"),
      maxPositions: size("max_position_embeddings", 8192),
      normEpsilon: number("layer_norm_eps", 1e-5),
      logitsScale: number("logit_scale", 0.0625),
      attentionBias: flag("attention_bias", false),
      normalizesHeads: flag("use_qk_norm", false),
      tiedHead: flag("tie_word_embeddings", true),
      ...rotaryFields,
    },
  });
  const { vocabSize, width, layers, feedForwardWidth, activation: phi, normEpsilon, logitsScale, tiedHead } = read;
  const { attentionBias: bias, normalizesHeads } = read;
  const sizes = headSizes(read);
  return {
    vocabSize,
    width,
    layers,
    attention: {
      ...sizes,
      rotary: readRotary("cohere", { ...read, ...sizes, publishedTheta: 500000 }),
      interleaved: true,
      bias,
      outputBias: bias,
      queryKeyNorm: normalizesHeads ? { kind: "layerNormPerHead", epsilon: normEpsilon } : undefined,
    },
    feedForwardWidth,
    activation: phi,
    normEpsilon,
    logitsScale,
    tiedHead,
  };
}

function weightTable(config: CohereConfig): WeightTable {
  const { vocabSize, width: D, layers, attention, feedForwardWidth, tiedHead } = config;
  const [from, to] = ["layers.{i}", "blocks.{i}"];
  const headNorm = (of: string, ours: string, heads: number): WeightTable["rows"] => ({
    [`${from}.self_attn.${of}.weight`]: { to: `${to}.attention.${ours}.scale`, shape: [heads, attention.headWidth] },
  });
  return {
    counts: { i: layers },
    prefixes: ["model."],
    rows: {
      ...embeddingRows(vocabSize, D, tiedHead),
      ...normRows(`${from}.input_layernorm`, `${to}.attentionNorm`, D, false),
      ...attentionRows(`${from}.self_attn`, `${to}.attention`, { width: D, ...attention }, attention),
      ...(attention.queryKeyNorm && {
        ...headNorm("q_norm", "queryNorm", attention.heads),
        ...headNorm("k_norm", "keyNorm", attention.keyValueHeads),
      }),
      ...gatedRows(`${from}.mlp`, `${to}.mlp`, D, feedForwardWidth),
      ...normRows("norm", "finalNorm", D, false),
    },
    ignored: [`${from}.self_attn.rotary_emb.inv_freq`],
  };
}

export const architecture: Architecture<CohereConfig> = {
  classNames: ["CohereForCausalLM"],
  readConfig,
  weightTable,
  build: cohere,
};
