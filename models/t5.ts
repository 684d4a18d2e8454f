/**
 * T5 1.0, T5 1.1 and Flan-T5 (Raffel et al. 2020, arXiv 1910.10683; Chung et al. 2022, arXiv 2210.11416), ByT5 (Xue et al.
 * 2022, arXiv 2105.13626: a T5 over bytes, whose configs say so), mT5 (Xue et al. 2021, arXiv 2010.11934) and umT5 (Chung
 * et al. 2023, arXiv 2304.09151).
 *
 * Must match `T5ForConditionalGeneration`, `MT5ForConditionalGeneration` and `UMT5ForConditionalGeneration` of Hugging
 * Face transformers. An encoder-decoder without absolute positions: a bias per head and distance is added to the scores
 * of self-attention, from one table for all blocks of a stack, or, in umT5, from one for each. RMS normalisation before
 * each part of a block and at the end, no biases, and scores that are not divided by √K. Version 1.0 has a ReLU
 * feed-forward part and the embedding table as output head, before which states are multiplied by 1/√D; all others have
 * a gated GELU and a head of their own. Compared with Marian: relative positions, norms before the parts, unscaled
 * embeddings.
 */

import { ConfigError } from "../src/errors.ts";
import type { JsonObject } from "../src/json.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { outputHead } from "../src/layers/outputHead.ts";
import { Stack } from "../src/layers/stack.ts";
import type { Weights } from "../src/layers/weights.ts";
import { type ConfigSpec, strictConfig } from "../src/model/config.ts";
import { flag, number, orNull, size, text } from "../src/model/configField.ts";
import type { EncoderDecoderModel } from "../src/model/model.ts";
import { linearRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import { type Activation, activationNames } from "../src/ops/activation.ts";
import type { Architecture } from "./architecture.ts";
import { residualDropout } from "./dropout.ts";
import { encoderDecoder } from "./encoderDecoder.ts";

type T5Type = "t5" | "mt5" | "umt5";

export interface T5Config {
  readonly type: T5Type;
  readonly vocabSize: number;
  readonly width: number;
  readonly heads: number;
  /** K; need not be width / heads. */
  readonly headWidth: number;
  readonly feedForwardWidth: number;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly activation: Activation;
  /** φ(gate(x)) · up(x) instead of φ(up(x)). */
  readonly gated: boolean;
  readonly normEpsilon: number;
  readonly buckets: number;
  readonly maxDistance: number;
  /** Every block has its own table of relative positions. */
  readonly positionsPerBlock: boolean;
  readonly tiedHead: boolean;
  /** Multiply the decoder's states by 1/√D before the head. */
  readonly scaleOutput: boolean;
}

/** The model, its weights drawn from `weights`. */
function build(config: T5Config, weights?: Weights): EncoderDecoderModel {
  const { type, vocabSize, width, heads, headWidth, feedForwardWidth, activation, gated, buckets, maxDistance } =
    config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const block = {
    width,
    norm: { kind: "rmsNorm", epsilon: config.normEpsilon },
    normPlace: "before",
    attention: { heads, headWidth, bias: false, scale: 1 },
    mlp: { feedForwardWidth, activation, gated, bias: false },
  } as const;
  // Distances between places in the row are all that counts, so positions that the caller gives change nothing.
  const positions = { kind: "relative", buckets, maxDistance, perBlock: config.positionsPerBlock } as const;
  const stack = (name: "encoder" | "decoder", layers: number) =>
    new Stack({ name, stack: name, layers, block, positions, embeddingNorm: false, finalNorm: true, weights });
  const maxPositions = Number.POSITIVE_INFINITY;
  return encoderDecoder({
    facts: { type, className: classNames[type], width, vocabSize, layers: config.decoderLayers, heads, maxPositions },
    sourceTokens: tokens,
    targetTokens: tokens,
    encoder: stack("encoder", config.encoderLayers),
    decoder: stack("decoder", config.decoderLayers),
    stateScale: config.scaleOutput ? 1 / Math.sqrt(width) : 1,
    head: outputHead({ tokens, tied: config.tiedHead, weights }),
  });
}

const classNames = {
  t5: "T5ForConditionalGeneration",
  mt5: "MT5ForConditionalGeneration",
  umt5: "UMT5ForConditionalGeneration",
} as const;

const multilingual = {
  vocabSize: 250112,
  width: 512,
  headWidth: 64,
  feedForward: 1024,
  layers: 8,
  heads: 6,
  activation: "gated-gelu",
} as const;

/** Where the model types have different defaults: transformers' `T5Config`, `MT5Config` and `UMT5Config`. */
const defaults = {
  t5: { vocabSize: 32128, width: 512, headWidth: 64, feedForward: 2048, layers: 6, heads: 8, activation: "relu" },
  mt5: multilingual,
  umt5: multilingual,
} as const;

function readConfig(type: T5Type, raw: JsonObject, tensors: readonly string[] = []): T5Config {
  const otherwise = defaults[type];
  const spec = {
    model: type,
    fields: {
      vocabSize: size("vocab_size", otherwise.vocabSize),
      width: size(["d_model", "hidden_size"], otherwise.width),
      headWidth: size(["d_kv", "head_dim"], otherwise.headWidth),
      feedForwardWidth: size("d_ff", otherwise.feedForward),
      encoderLayers: size(["num_layers", "num_hidden_layers"], otherwise.layers),
      decoderLayers: orNull(size("num_decoder_layers")),
      heads: size(["num_heads", "num_attention_heads"], otherwise.heads),
      feedForward: text("feed_forward_proj", otherwise.activation),
      activation: orNull(text("dense_act_fn")),
      gated: orNull(flag("is_gated_act")),
      normEpsilon: number("layer_norm_epsilon", 1e-6),
      buckets: size("relative_attention_num_buckets", 32),
      maxDistance: size("relative_attention_max_distance", 128),
      tied: flag("tie_word_embeddings", true),
      scaleOutput: orNull(flag("scale_decoder_outputs")),
    },
    // The length of training texts.
    ignored: ["n_positions"],
    onlyIf: { is_encoder_decoder: [true] },
  } satisfies ConfigSpec<object>;
  const { decoderLayers, feedForward, activation, gated, tied, scaleOutput, ...read } = strictConfig(raw, spec);
  // transformers 4 scales if the head is tied. From transformers 5 on, T5 says whether to scale, mT5 never does, and both
  // say `tie_word_embeddings: true` even where the checkpoint has a head of its own. umT5 is as in transformers 4;
  // version 5 scales its states even before a head of its own, with which no umT5 was trained.
  const scales = { t5: scaleOutput ?? tied, mt5: false, umt5: tied }[type];
  const ownHead = !tied || (!scales && tensors.includes("lm_head.weight"));
  return {
    type,
    ...read,
    decoderLayers: decoderLayers ?? read.encoderLayers,
    ...readFeedForward(feedForward, activation, gated),
    positionsPerBlock: type === "umt5",
    scaleOutput: scales,
    tiedHead: !ownHead,
  };
}

/** `relu`, `gated-gelu`, ...; `dense_act_fn` and `is_gated_act` say the same again. */
function readFeedForward(feedForward: string, stated: string | null, statedGated: boolean | null) {
  const [last = "", prefix, ...rest] = feedForward.split("-").reverse();
  const gated = prefix === "gated";
  // The first gated models were trained with the tanh form.
  const name = feedForward === "gated-gelu" ? "gelu_new" : last;
  const activation = Object.hasOwn(activationNames, name) ? activationNames[name] : undefined;
  if (activation === undefined || (prefix !== undefined && !gated) || rest.length > 0) {
    const known = Object.keys(activationNames).join(", ");
    throw new ConfigError(
      `feed_forward_proj: expected an activation (${known}), or gated- and one of these, received "${feedForward}"`,
    );
  }
  if ((stated !== null && stated !== name) || (statedGated !== null && statedGated !== gated)) {
    throw new ConfigError(
      `feed_forward_proj: "${feedForward}" contradicts dense_act_fn: ${stated} and is_gated_act: ${statedGated}`,
    );
  }
  return { activation, gated };
}

function weightTable(config: T5Config): WeightTable {
  const { vocabSize: V, width: D, heads: H, headWidth: K, feedForwardWidth: F, buckets } = config;
  const linear = (from: string, to: string, inputs: number, outputs: number) =>
    linearRows(from, to, inputs, outputs, false);
  const norm = (from: string, to: string) => normRows(from, to, D, false);
  const attention = (from: string, to: string): WeightTable["rows"] => ({
    ...linear(`${from}.q`, `${to}.query`, D, H * K),
    ...linear(`${from}.k`, `${to}.key`, D, H * K),
    ...linear(`${from}.v`, `${to}.value`, D, H * K),
    ...linear(`${from}.o`, `${to}.output`, H * K, D),
  });
  const feedForward = (from: string, to: string): WeightTable["rows"] => ({
    ...(config.gated && linear(`${from}.wi_0`, `${to}.gate`, D, F)),
    ...linear(config.gated ? `${from}.wi_1` : `${from}.wi`, `${to}.up`, D, F),
    ...linear(`${from}.wo`, `${to}.down`, F, D),
  });
  const stack = (of: "encoder" | "decoder", letter: "i" | "j", mlp: number): WeightTable["rows"] => {
    const [from, to] = [`${of}.block.{${letter}}.layer`, `${of}.blocks.{${letter}}`];
    const table = `layer.0.SelfAttention.relative_attention_bias.weight`;
    const [theirs, ours] = config.positionsPerBlock ? [`${of}.block.{${letter}}`, to] : [`${of}.block.0`, of];
    return {
      [`${theirs}.${table}`]: { to: `${ours}.relativePositions.table`, shape: [buckets, H] },
      ...attention(`${from}.0.SelfAttention`, `${to}.attention`),
      ...norm(`${from}.0.layer_norm`, `${to}.attentionNorm`),
      ...feedForward(`${from}.${mlp}.DenseReluDense`, `${to}.mlp`),
      ...norm(`${from}.${mlp}.layer_norm`, `${to}.mlpNorm`),
      ...norm(`${of}.final_layer_norm`, `${of}.finalNorm`),
    };
  };
  const copies = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];
  return {
    counts: { i: config.encoderLayers, j: config.decoderLayers },
    rows: {
      "shared.weight": {
        to: "tokens.table",
        shape: [V, D],
        copies: config.tiedHead ? [...copies, "lm_head.weight"] : copies,
      },
      ...stack("encoder", "i", 1),
      ...stack("decoder", "j", 2),
      ...attention("decoder.block.{j}.layer.1.EncDecAttention", "decoder.blocks.{j}.crossAttention"),
      ...norm("decoder.block.{j}.layer.1.layer_norm", "decoder.blocks.{j}.crossNorm"),
      ...(!config.tiedHead && linear("lm_head", "head", D, V)),
    },
    // The first release has this table, which no layer uses.
    ignored: ["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"],
  };
}

const architecture = (type: T5Type, ...oldNames: string[]): Architecture<T5Config> => ({
  classNames: [classNames[type], ...oldNames],
  dropout: {
    embedding: ["dropout_rate", 0.1],
    attention: ["dropout_rate", 0.1],
    ...residualDropout("dropout_rate", 0.1),
    activation: ["dropout_rate", 0.1],
    final: ["dropout_rate", 0.1],
  },
  readConfig: (raw, tensors) => readConfig(type, raw, tensors),
  weightTable,
  build,
});

export const t5 = architecture("t5", "T5WithLMHeadModel");
export const mt5 = architecture("mt5");
export const umt5 = architecture("umt5");
