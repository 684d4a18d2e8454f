/**
 * Llama 1 to 3.2 (Touvron et al. 2023, arXiv 2302.13971; Dubey et al. 2024, arXiv 2407.21783).
 *
 * Must match `LlamaForCausalLM` of Hugging Face transformers. Compared with GPT-2: rotary positions instead of learned
 * ones, RMS normalisation, a gated feed-forward part (SwiGLU), key/value heads shared by groups of query heads, no biases
 * unless asked for, and usually an output head of its own.
 *
 * Mistral, Qwen, Granite and Phi-3 are Llama with other settings: their files read their configs and name their weights,
 * and build this model.
 */

import type { JsonObject } from "../src/json.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { outputHead } from "../src/layers/outputHead.ts";
import { RmsNorm } from "../src/layers/rmsNorm.ts";
import type { RotaryAttentionChoice } from "../src/layers/rotaryAttention.ts";
import { type FeedForwardChoice, RotaryBlock } from "../src/layers/rotaryBlock.ts";
import type { Weights } from "../src/layers/weights.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, number, orNull, size } from "../src/model/configField.ts";
import type { DecoderOnlyModel } from "../src/model/model.ts";
import { readRotary, rotaryFields } from "../src/model/rotaryConfig.ts";
import { headSizes } from "../src/model/sizes.ts";
import { attentionRows, embeddingRows, gatedRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import { mul, scalar, type Tensor } from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";
import { rotaryDecoder } from "./rotaryDecoder.ts";

export interface LlamaConfig {
  /** `model_type`, and the class of transformers. */
  readonly type: string;
  readonly className: string;
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly attention: RotaryAttentionChoice;
  /** For each layer how many keys a query sees, if not all before it. */
  readonly windows?: readonly (number | undefined)[];
  readonly feedForward: FeedForwardChoice;
  /** Layers with another feed-forward part. */
  readonly feedForwardOf?: Readonly<Record<number, FeedForwardChoice>>;
  readonly normEpsilon: number;
  readonly tiedHead: boolean;
  /** Constants by which Granite multiplies embeddings, what each part adds to the residual stream, and logits. */
  readonly multipliers?: { readonly embedding: number; readonly residual: number; readonly logits: number };
}

/** The model, its weights drawn from `weights`. */
export function llama(config: LlamaConfig, weights?: Weights): DecoderOnlyModel {
  const { type, className, vocabSize, width, layers, attention, windows, feedForward, normEpsilon: epsilon } = config;
  const { embedding, residual, logits } = config.multipliers ?? { embedding: 1, residual: 1, logits: 1 };
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const blocks = Array.from(
    { length: layers },
    (_, layer) =>
      new RotaryBlock({
        name: `blocks.${layer}`,
        layer,
        width,
        attention: { ...attention, window: windows?.[layer] },
        feedForward: config.feedForwardOf?.[layer] ?? feedForward,
        norm: { kind: "rmsNorm", epsilon },
        normPlace: "before",
        residualScale: residual,
        weights,
      }),
  );
  const finalNorm = new RmsNorm({ name: "finalNorm", width, epsilon, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, weights });
  return rotaryDecoder({
    type,
    className,
    tokens,
    blocks,
    finalNorm,
    head,
    inputScale: embedding,
    ...(logits !== 1 && { logits: (x: Tensor) => mul(x, scalar(logits)) }),
  });
}

/** The sizes of a mixture of experts, for its rows in a weight table. */
export function expertsOf(feedForward: FeedForwardChoice): { readonly experts: number; readonly inner: number } {
  if ("experts" in feedForward) return { experts: feedForward.experts, inner: feedForward.feedForwardWidth };
  throw new Error("the feed-forward part is no mixture of experts");
}

/** Defaults: transformers' `LlamaConfig`. */
function readConfig(raw: JsonObject): LlamaConfig {
  const read = strictConfig(raw, {
    model: "llama",
    fields: {
      vocabSize: size("vocab_size", 32000),
      width: size("hidden_size", 4096),
      layers: size("num_hidden_layers", 32),
      heads: size("num_attention_heads", 32),
      keyValueHeads: orNull(size("num_key_value_heads")),
      headWidth: orNull(size("head_dim")),
      feedForwardWidth: size("intermediate_size", 11008),
      activation: activation("hidden_act", "silu"),
      maxPositions: size("max_position_embeddings", 2048),
      normEpsilon: number("rms_norm_eps", 1e-6),
      attentionBias: flag("attention_bias", false),
      feedForwardBias: flag("mlp_bias", false),
      tiedHead: flag("tie_word_embeddings", false),
      ...rotaryFields,
    },
    // Larger values cut the matrices and change the order of summation.
    onlyIf: { pretraining_tp: [1] },
  });
  const { vocabSize, width, layers, feedForwardWidth, normEpsilon, tiedHead, attentionBias: bias } = read;
  const sizes = headSizes(read);
  const rotary = readRotary("llama", { ...read, ...sizes });
  return {
    type: "llama",
    className: architecture.classNames[0],
    vocabSize,
    width,
    layers,
    attention: { ...sizes, rotary, bias, outputBias: bias },
    feedForward: { feedForwardWidth, activation: read.activation, gated: true, bias: read.feedForwardBias },
    normEpsilon,
    tiedHead,
  };
}

/**
 * The names of Llama's checkpoint, which most others use, too.
 * @param rows what a family stores otherwise: its attention, its feed-forward part
 */
export function llamaTable(
  config: LlamaConfig,
  rows: { readonly attention?: WeightTable["rows"]; readonly feedForward?: WeightTable["rows"] } = {},
): WeightTable {
  const { vocabSize, width: D, layers, attention, feedForward, tiedHead } = config;
  const bias = "gated" in feedForward && feedForward.bias === true;
  return {
    counts: { i: layers, ...("experts" in feedForward && { e: feedForward.experts }) },
    prefixes: ["model."],
    rows: {
      ...embeddingRows(vocabSize, D, tiedHead),
      ...normRows("layers.{i}.input_layernorm", "blocks.{i}.attentionNorm", D, false),
      ...(rows.attention ??
        attentionRows("layers.{i}.self_attn", "blocks.{i}.attention", { width: D, ...attention }, attention)),
      ...normRows("layers.{i}.post_attention_layernorm", "blocks.{i}.mlpNorm", D, false),
      ...(rows.feedForward ?? gatedRows("layers.{i}.mlp", "blocks.{i}.mlp", D, feedForward.feedForwardWidth, bias)),
      ...normRows("norm", "finalNorm", D, false),
    },
    // Early checkpoints store the frequencies, which follow from the config.
    ignored: ["layers.{i}.self_attn.rotary_emb.inv_freq", "rotary_emb.inv_freq"],
  };
}

export const architecture: Architecture<LlamaConfig> = {
  classNames: ["LlamaForCausalLM", "LLaMAForCausalLM"],
  readConfig,
  weightTable: (config) => llamaTable(config),
  build: llama,
};
