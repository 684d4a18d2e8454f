/**
 * Nemotron-4 and Minitron (Parmar et al. 2024, arXiv 2402.16819; Muralidharan et al. 2024, arXiv 2407.14679).
 *
 * Must match `NemotronForCausalLM` of Hugging Face transformers. Compared with Llama: layer normalisation whose scale is
 * stored as its difference from one, a feed-forward part without gate, of squared ReLUs, and positions that turn the first
 * half of each head only.
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
import { partialFactor, readRotary, rotaryFields } from "../src/model/rotaryConfig.ts";
import { headSizes } from "../src/model/sizes.ts";
import { attentionRows, embeddingRows, linearRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Activation } from "../src/ops/activation.ts";
import type { Architecture } from "./architecture.ts";
import { rotaryDecoder } from "./rotaryDecoder.ts";

export interface NemotronConfig {
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly attention: RotaryAttentionChoice;
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly feedForwardBias: boolean;
  readonly normEpsilon: number;
  readonly tiedHead: boolean;
}

/** The model, its weights drawn from `weights`. */
export function nemotron(config: NemotronConfig, weights?: Weights): DecoderOnlyModel {
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
        feedForward: { feedForwardWidth, activation, bias: config.feedForwardBias },
        norm: { kind: "layerNorm", epsilon, offset: 1 },
        normPlace: "before",
        weights,
      }),
  );
  const finalNorm = new LayerNorm({ name: "finalNorm", width, epsilon, offset: 1, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, weights });
  const type = "nemotron";
  return rotaryDecoder({ type, className: architecture.classNames[0], tokens, blocks, finalNorm, head });
}

/** Defaults: transformers' `NemotronConfig`. */
function readConfig(raw: JsonObject): NemotronConfig {
  const read = strictConfig(raw, {
    model: "nemotron",
    fields: {
      vocabSize: size("vocab_size", 256000),
      width: size("hidden_size", 6144),
      layers: size("num_hidden_layers", 32),
      heads: size("num_attention_heads", 48),
      keyValueHeads: orNull(size("num_key_value_heads")),
      headWidth: orNull(size("head_dim")),
      feedForwardWidth: size("intermediate_size", 24576),
      activation: activation("hidden_act", "relu2"),
      maxPositions: size("max_position_embeddings", 4096),
      normEpsilon: number("norm_eps", 1e-5),
      attentionBias: flag("attention_bias", false),
      feedForwardBias: flag("mlp_bias", false),
      tiedHead: flag("tie_word_embeddings", false),
      partialFactor,
      ...rotaryFields,
    },
  });
  const { vocabSize, width, layers, feedForwardWidth, activation: phi, feedForwardBias, normEpsilon, tiedHead } = read;
  const sizes = headSizes(read);
  const partial = { factor: read.partialFactor, published: 0.5 };
  const { attentionBias: bias } = read;
  return {
    vocabSize,
    width,
    layers,
    attention: {
      ...sizes,
      rotary: readRotary("nemotron", { ...read, ...sizes, partial }),
      bias,
      outputBias: bias,
    },
    feedForwardWidth,
    activation: phi,
    feedForwardBias,
    normEpsilon,
    tiedHead,
  };
}

function weightTable(config: NemotronConfig): WeightTable {
  const { vocabSize, width: D, layers, attention, feedForwardWidth: F, feedForwardBias: bias, tiedHead } = config;
  const [from, to] = ["layers.{i}", "blocks.{i}"];
  return {
    counts: { i: layers },
    prefixes: ["model."],
    rows: {
      ...embeddingRows(vocabSize, D, tiedHead),
      ...normRows(`${from}.input_layernorm`, `${to}.attentionNorm`, D),
      ...attentionRows(`${from}.self_attn`, `${to}.attention`, { width: D, ...attention }, attention),
      ...normRows(`${from}.post_attention_layernorm`, `${to}.mlpNorm`, D),
      ...linearRows(`${from}.mlp.up_proj`, `${to}.mlp.up`, D, F, bias),
      ...linearRows(`${from}.mlp.down_proj`, `${to}.mlp.down`, F, D, bias),
      ...normRows("norm", "finalNorm", D),
    },
    ignored: [`${from}.self_attn.rotary_emb.inv_freq`],
  };
}

export const architecture: Architecture<NemotronConfig> = {
  classNames: ["NemotronForCausalLM"],
  readConfig,
  weightTable,
  build: nemotron,
};
