/**
 * Gemma (Gemma Team 2024, arXiv 2403.08295), Gemma 2 (arXiv 2408.00118) and the text models of Gemma 3 (arXiv 2503.19786).
 *
 * Must match `GemmaForCausalLM`, `Gemma2ForCausalLM` and `Gemma3ForCausalLM` of Hugging Face transformers. Compared with Llama:
 * embeddings are multiplied by √D, the scales of the RMS normalisations are stored as their differences from one, the
 * gated unit is a GELU's, and heads may be wider than their share of D. Gemma 2 normalises around every part, lets every
 * other layer slide, and caps attention scores and logits softly, c tanh(x / c). Gemma 3 normalises queries and keys
 * instead, has one full layer after five sliding ones, and sliding layers have positions of their own.
 */

import { ConfigError } from "../src/errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../src/json.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { outputHead } from "../src/layers/outputHead.ts";
import { RmsNorm } from "../src/layers/rmsNorm.ts";
import type { RotaryAttentionChoice } from "../src/layers/rotaryAttention.ts";
import { RotaryBlock } from "../src/layers/rotaryBlock.ts";
import type { Weights } from "../src/layers/weights.ts";
import { activation } from "../src/model/activationField.ts";
import { layerTypes, layerWindows } from "../src/model/attentionWindows.ts";
import { strictConfig } from "../src/model/config.ts";
import { type FieldValues, flag, number, orNull, size } from "../src/model/configField.ts";
import type { DecoderOnlyModel } from "../src/model/model.ts";
import { readRotary, rotaryFields } from "../src/model/rotaryConfig.ts";
import { headSizes } from "../src/model/sizes.ts";
import { attentionRows, embeddingRows, gatedRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Activation } from "../src/ops/activation.ts";
import type { RotaryConfig } from "../src/ops/rotaryFrequencies.ts";
import { mul, scalar, type Tensor, tanh } from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";
import { rotaryDecoder } from "./rotaryDecoder.ts";

type ModelType = "gemma" | "gemma2" | "gemma3_text";

export interface GemmaConfig {
  readonly type: ModelType;
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly attention: RotaryAttentionChoice;
  /** For each layer how many keys a query sees, if not all before it. */
  readonly windows: readonly (number | undefined)[];
  /** Positions of sliding layers, where they have their own. */
  readonly slidingRotary: RotaryConfig | undefined;
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly normEpsilon: number;
  readonly logitsCap: number | undefined;
  readonly tiedHead: boolean;
}

const classNames = {
  gemma: "GemmaForCausalLM",
  gemma2: "Gemma2ForCausalLM",
  gemma3_text: "Gemma3ForCausalLM",
} as const;

/** The model, its weights drawn from `weights`. */
function build(config: GemmaConfig, weights?: Weights): DecoderOnlyModel {
  const { type, vocabSize, width, windows, feedForwardWidth, activation, normEpsilon: epsilon } = config;
  const { slidingRotary = config.attention.rotary } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const blocks = windows.map(
    (window, layer) =>
      new RotaryBlock({
        name: `blocks.${layer}`,
        layer,
        width,
        attention: { ...config.attention, window, ...(window !== undefined && { rotary: slidingRotary }) },
        feedForward: { feedForwardWidth, activation, gated: true, bias: false },
        norm: { kind: "rmsNorm", epsilon, offset: 1 },
        normPlace: type === "gemma" ? "before" : "around",
        weights,
      }),
  );
  const finalNorm = new RmsNorm({ name: "finalNorm", width, epsilon, offset: 1, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, weights });
  const { logitsCap } = config;
  return rotaryDecoder({
    type,
    className: classNames[type],
    tokens,
    blocks,
    finalNorm,
    head,
    embeddingScale: Math.sqrt(width),
    ...(logitsCap !== undefined && { logits: (x: Tensor) => softlyCapped(x, logitsCap) }),
  });
}

/** c tanh(x / c) */
const softlyCapped = (x: Tensor, c: number): Tensor => mul(tanh(mul(x, scalar(1 / c))), scalar(c));

const commonFields = {
  vocabSize: size("vocab_size", 256000),
  headWidth: size("head_dim", 256),
  maxPositions: size("max_position_embeddings", 8192),
  normEpsilon: number("rms_norm_eps", 1e-6),
  attentionBias: flag("attention_bias", false),
  tiedHead: flag("tie_word_embeddings", true),
  ...rotaryFields,
};

/** Sizes of Gemma 2 and 3, and what both have beyond Gemma. */
const laterFields = {
  ...commonFields,
  width: size("hidden_size", 2304),
  layers: size("num_hidden_layers", 26),
  heads: size("num_attention_heads", 8),
  keyValueHeads: size("num_key_value_heads", 4),
  feedForwardWidth: size("intermediate_size", 9216),
  activation: activation(["hidden_activation", "hidden_act"], "gelu_new"),
  /** The scores' scale is one over the square root of this. */
  scoresDivisor: number("query_pre_attn_scalar", 256),
  window: orNull(size(["sliding_window", "sliding_window_size"], 4096)),
  layerTypes,
};

/** Attention both ways is another model; old configs name what the reference no longer keeps. */
const restrictions = {
  ignored: ["cache_implementation"],
  onlyIf: { use_bidirectional_attention: [false] },
};

/** Defaults: transformers' `GemmaConfig`. */
function readGemma(raw: JsonObject): GemmaConfig {
  const read = strictConfig(raw, {
    model: "gemma",
    fields: {
      ...commonFields,
      width: size("hidden_size", 3072),
      layers: size("num_hidden_layers", 28),
      heads: size("num_attention_heads", 16),
      keyValueHeads: size("num_key_value_heads", 16),
      feedForwardWidth: size("intermediate_size", 24576),
      activation: activation("hidden_act", "gelu_new"),
    },
    ignored: restrictions.ignored,
    onlyIf: { ...restrictions.onlyIf, hidden_activation: ["gelu_pytorch_tanh"] },
  });
  // The first releases say "gelu" and mean its tanh form.
  const meant = read.activation === "gelu" ? "gelu_new" : read.activation;
  const windows = Array.from({ length: read.layers }, () => undefined);
  const config = shared("gemma", { ...read, activation: meant });
  return { ...config, windows, slidingRotary: undefined, logitsCap: undefined };
}

/** Defaults: transformers' `Gemma2Config`. */
function readGemma2(raw: JsonObject): GemmaConfig {
  const fields = {
    ...laterFields,
    scoresCap: cap("attn_logit_softcapping", 50),
    logitsCap: cap("final_logit_softcapping", 30),
  };
  const read = strictConfig(raw, { model: "gemma2", fields, ...restrictions });
  const config = shared("gemma2", read);
  return {
    ...config,
    attention: { ...config.attention, softCap: read.scoresCap ?? undefined, scale: read.scoresDivisor ** -0.5 },
    windows: layerWindows({ ...read, usual: (layer) => layer % 2 === 0 }),
    slidingRotary: undefined,
    logitsCap: read.logitsCap ?? undefined,
  };
}

/** Defaults: transformers' `Gemma3TextConfig`. */
function readGemma3(raw: JsonObject): GemmaConfig {
  const read = strictConfig(raw, {
    model: "gemma3_text",
    fields: {
      ...laterFields,
      logitsCap: orNull(number("final_logit_softcapping")),
      vocabSize: size("vocab_size", 262208),
      maxPositions: size("max_position_embeddings", 131072),
      /** Every so many layers one does not slide. */
      period: size(["sliding_window_pattern", "_sliding_window_pattern"], 6),
      slidingTheta: number("rope_local_base_freq", 10000),
    },
    ...restrictions,
    // The reference knows a cap of Gemma 3's scores and does not apply it.
    ignored: [...restrictions.ignored, "attn_logit_softcapping"],
  });
  const [ropeScaling, full] = [read.ropeScaling, ofLayerType(read.ropeParameters, "full_attention")];
  const rotary = { ...read, ropeScaling, ropeParameters: full, publishedTheta: 1e6 };
  const config = shared("gemma3_text", rotary);
  const { normEpsilon: epsilon, slidingTheta: publishedTheta } = read;
  const sliding = ofLayerType(read.ropeParameters, "sliding_attention");
  return {
    ...config,
    attention: {
      ...config.attention,
      scale: read.scoresDivisor ** -0.5,
      queryKeyNorm: { kind: "rmsPerHead", epsilon, offset: 1 },
    },
    windows: layerWindows({ ...read, usual: (layer) => (layer + 1) % read.period !== 0 }),
    slidingRotary: readRotary("gemma3_text", {
      ...read,
      ropeTheta: null,
      ropeScaling: null,
      ropeParameters: sliding,
      publishedTheta,
    }),
    logitsCap: read.logitsCap ?? undefined,
  };
}

/** A soft cap; null is none, and not what is meant where it is absent. */
const cap = (name: string, published: number) => orNull(number(name, published));

/** The rotary parameters of a kind of layer; transformers 5 writes one object for each. */
function ofLayerType(parameters: Json, type: "full_attention" | "sliding_attention"): Json {
  if (!isJsonObject(parameters) || (!("full_attention" in parameters) && !("sliding_attention" in parameters))) {
    if (parameters === null) return null;
    throw new ConfigError(
      "rope_parameters: expected one object for full_attention and one for sliding_attention, " +
        `received ${JSON.stringify(parameters)}`,
    );
  }
  return parameters[type] ?? null;
}

type Read = FieldValues<
  typeof commonFields & Pick<typeof laterFields, "width" | "layers" | "heads" | "keyValueHeads" | "feedForwardWidth">
> & { readonly activation: Activation; readonly publishedTheta?: number };

function shared(type: ModelType, read: Read): Omit<GemmaConfig, "windows" | "slidingRotary" | "logitsCap"> {
  const { vocabSize, width, layers, feedForwardWidth, activation, normEpsilon, tiedHead, attentionBias: bias } = read;
  const sizes = headSizes(read);
  return {
    type,
    vocabSize,
    width,
    layers,
    attention: { ...sizes, rotary: readRotary(type, read), bias, outputBias: bias },
    feedForwardWidth,
    activation,
    normEpsilon,
    tiedHead,
  };
}

function weightTable(config: GemmaConfig): WeightTable {
  const { type, vocabSize, width: D, layers, attention, feedForwardWidth, tiedHead } = config;
  const [from, to] = ["layers.{i}", "blocks.{i}"];
  const norm = (of: string, ours: string) => normRows(`${from}.${of}`, `${to}.${ours}`, D, false);
  const headNorm = (of: string, ours: string) =>
    normRows(`${from}.self_attn.${of}`, `${to}.attention.${ours}`, attention.headWidth, false);
  return {
    counts: { i: layers },
    prefixes: ["model."],
    rows: {
      ...embeddingRows(vocabSize, D, tiedHead),
      ...norm("input_layernorm", "attentionNorm"),
      ...attentionRows(`${from}.self_attn`, `${to}.attention`, { width: D, ...attention }, attention),
      ...(type === "gemma3_text" && { ...headNorm("q_norm", "queryNorm"), ...headNorm("k_norm", "keyNorm") }),
      ...norm("post_attention_layernorm", type === "gemma" ? "mlpNorm" : "attentionOutputNorm"),
      ...(type !== "gemma" && norm("pre_feedforward_layernorm", "mlpNorm")),
      ...gatedRows(`${from}.mlp`, `${to}.mlp`, D, feedForwardWidth),
      ...(type !== "gemma" && norm("post_feedforward_layernorm", "mlpOutputNorm")),
      ...normRows("norm", "finalNorm", D, false),
    },
    ignored: [`${from}.self_attn.rotary_emb.inv_freq`],
  };
}

export const gemma: Architecture<GemmaConfig> = {
  classNames: [classNames.gemma],
  readConfig: readGemma,
  weightTable,
  build,
};

export const gemma2: Architecture<GemmaConfig> = {
  classNames: [classNames.gemma2],
  readConfig: readGemma2,
  weightTable,
  build,
};

export const gemma3Text: Architecture<GemmaConfig> = {
  classNames: [classNames.gemma3_text],
  readConfig: readGemma3,
  weightTable,
  build,
};
