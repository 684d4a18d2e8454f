/**
 * What the encoder-decoders of fairseq (Ott et al. 2019, arXiv 1904.01038), and those that took over its names, have in
 * common: the attributes of their configs and the layers of their stacks. (fairseqRows.ts has the names of their tensors.)
 *
 * They are the Transformer of Vaswani et al. 2017 (arXiv 1706.03762) with biases everywhere and differ in where they
 * normalise, in their positions, and in their tables of embeddings; those are told in the files of the families.
 */

import type { Embedding } from "../src/layers/embedding.ts";
import type { MixtureChoice } from "../src/layers/mlp.ts";
import { outputHead } from "../src/layers/outputHead.ts";
import { type PositionsChoice, Stack } from "../src/layers/stack.ts";
import type { Weights } from "../src/layers/weights.ts";
import { activation } from "../src/model/activationField.ts";
import { type Field, flag, size } from "../src/model/configField.ts";
import type { EncoderDecoderModel } from "../src/model/model.ts";
import { perHead } from "../src/model/sizes.ts";
import type { Activation } from "../src/ops/activation.ts";
import { encoderDecoder } from "./encoderDecoder.ts";

/** Which kind of Transformer: true of a family, not read from its config. */
export interface StackKind {
  readonly normPlace: "before" | "after";
  /** A trained table, or one of the two formulas of sinusoids. */
  readonly positions: "learned" | "paper" | "tensor2tensor";
  /** Normalises the sum of embeddings and positions. */
  readonly embeddingNorm: boolean;
  /** Normalises what leaves the last block. */
  readonly finalNorm: boolean;
}

export interface StackSize {
  readonly layers: number;
  readonly heads: number;
  readonly feedForwardWidth: number;
  readonly mixture?: MixtureChoice;
}

export interface FairseqConfig {
  readonly width: number;
  readonly maxPositions: number;
  /** What the first position counts as. */
  readonly firstPosition: number;
  readonly activation: Activation;
  /** Multiply embeddings by √D. */
  readonly scaleEmbedding: boolean;
  readonly encoder: StackSize;
  readonly decoder: StackSize;
  readonly kind: StackKind;
}

/** A field for each of the values. */
export type Fields<Values> = { readonly [Key in keyof Values]: Field<Values[Key]> };

/** What `fairseqFields` reads. */
export interface FairseqAttributes {
  readonly width: number;
  readonly maxPositions: number;
  readonly encoderLayers: number;
  readonly encoderHeads: number;
  readonly encoderWidth: number;
  readonly decoderLayers: number;
  readonly decoderHeads: number;
  readonly decoderWidth: number;
  readonly activation: Activation;
  readonly scaleEmbedding: boolean;
}

/** The attributes of a config; defaults are transformers', which are the same for all families but for these two. */
export function fairseqFields(
  defaults: Pick<FairseqAttributes, "activation" | "scaleEmbedding">,
): Fields<FairseqAttributes> {
  return {
    width: size(["d_model", "hidden_size"], 1024),
    maxPositions: size("max_position_embeddings", 1024),
    encoderLayers: size(["encoder_layers", "num_hidden_layers"], 12),
    encoderHeads: size(["encoder_attention_heads", "num_attention_heads"], 16),
    encoderWidth: size("encoder_ffn_dim", 4096),
    decoderLayers: size("decoder_layers", 12),
    decoderHeads: size("decoder_attention_heads", 16),
    decoderWidth: size("decoder_ffn_dim", 4096),
    activation: activation("activation_function", defaults.activation),
    scaleEmbedding: flag("scale_embedding", defaults.scaleEmbedding),
  };
}

/** Values that converters wrote into old configs to say which kind of Transformer it is; the references do not read them. */
export function statedKind({ normPlace, positions, embeddingNorm, finalNorm }: StackKind) {
  return {
    add_bias_logits: [false],
    add_final_layer_norm: [finalNorm],
    do_blenderbot_90_layernorm: [false],
    is_encoder_decoder: [true],
    normalize_before: [normPlace === "before"],
    normalize_embedding: [embeddingNorm],
    static_position_embeddings: [positions !== "learned"],
  };
}

/** Attributes that converters left in configs, and nobody reads: a number of unused positions, a training step, an author. */
export const fairseqLeftovers: readonly string[] = ["author", "extra_pos_embeddings", "kobart_version", "save_step"];

/** @throws ConfigError when heads do not divide the width */
export function fairseqConfig(read: FairseqAttributes, kind: StackKind, firstPosition: number): FairseqConfig {
  const { width, maxPositions, activation, scaleEmbedding } = read;
  perHead("d_model", width, "encoder_attention_heads", read.encoderHeads);
  perHead("d_model", width, "decoder_attention_heads", read.decoderHeads);
  return {
    width,
    maxPositions,
    firstPosition,
    activation,
    scaleEmbedding,
    encoder: { layers: read.encoderLayers, heads: read.encoderHeads, feedForwardWidth: read.encoderWidth },
    decoder: { layers: read.decoderLayers, heads: read.decoderHeads, feedForwardWidth: read.decoderWidth },
    kind,
  };
}

export interface FairseqParts {
  readonly type: string;
  readonly className: string;
  readonly config: FairseqConfig;
  readonly sourceTokens: Embedding;
  /** May be the same as that of the source. */
  readonly targetTokens: Embedding;
  /** Whether the target's table of embeddings is the output head. */
  readonly tiedHead: boolean;
  readonly logitsBias?: boolean;
  readonly weights?: Weights | undefined;
}

/** The stacks of a config, between tables of embeddings and a head. */
export function fairseqModel(parts: FairseqParts): EncoderDecoderModel {
  const { type, className, config, sourceTokens, targetTokens, tiedHead, logitsBias = false, weights } = parts;
  const { width, maxPositions, scaleEmbedding } = config;
  const { layers, heads } = config.decoder;
  const ownSource = sourceTokens === targetTokens ? {} : { sourceVocabSize: sourceTokens.vocabSize };
  return encoderDecoder({
    facts: { type, className, width, vocabSize: targetTokens.vocabSize, ...ownSource, layers, heads, maxPositions },
    sourceTokens,
    targetTokens,
    embeddingScale: scaleEmbedding ? Math.sqrt(width) : 1,
    encoder: fairseqStack("encoder", config, weights),
    decoder: fairseqStack("decoder", config, weights),
    head: outputHead({ tokens: targetTokens, tied: tiedHead, bias: logitsBias, weights }),
  });
}

/** PyTorch's default, which the references do not change. */
const LAYER_NORM_EPSILON = 1e-5;

function fairseqStack(stack: "encoder" | "decoder", config: FairseqConfig, weights: Weights | undefined): Stack {
  const { width, activation, kind } = config;
  const { layers, heads, feedForwardWidth, mixture } = config[stack];
  const headWidth = width / heads;
  const block = {
    width,
    norm: { kind: "layerNorm", epsilon: LAYER_NORM_EPSILON },
    normPlace: kind.normPlace,
    attention: { heads, headWidth, bias: true, scale: 1 / Math.sqrt(headWidth) },
    mlp: { feedForwardWidth, activation, mixture },
  } as const;
  const { embeddingNorm, finalNorm } = kind;
  return new Stack({
    name: stack,
    stack,
    layers,
    block,
    positions: positionsOf(config),
    embeddingNorm,
    finalNorm,
    weights,
  });
}

function positionsOf({ maxPositions: positions, firstPosition, kind }: FairseqConfig): PositionsChoice {
  if (kind.positions === "learned") return { kind: "learned", positions, offset: firstPosition };
  return { kind: "sinusoidal", positions, formula: kind.positions, first: firstPosition };
}
