/**
 * SeamlessM4T (Seamless Communication 2023, arXiv 2308.11596), its text encoder and text decoder: text to text.
 *
 * Must match `SeamlessM4TForTextToText` of Hugging Face transformers, also with a checkpoint of the whole model, whose
 * parts for speech are not read. The Transformer of NLLB-200 with other names: norms before each part of a block and at
 * the end of each stack, scaled embeddings, ReLU, and sinusoids by the formula of tensor2tensor, counted from the padding
 * token's id + 1. The decoder's second token says which language it writes.
 */

import type { JsonObject } from "../src/json.ts";
import { Embedding } from "../src/layers/embedding.ts";
import type { Weights } from "../src/layers/weights.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, size, tokenId } from "../src/model/configField.ts";
import type { EncoderDecoderModel } from "../src/model/model.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Architecture } from "./architecture.ts";
import { fairseqDropout } from "./dropout.ts";
import { type FairseqConfig, fairseqConfig, fairseqFields, fairseqModel, type StackKind } from "./fairseq.ts";
import { fairseqRows } from "./fairseqRows.ts";

export interface SeamlessM4tConfig extends FairseqConfig {
  readonly vocabSize: number;
  readonly tiedHead: boolean;
}

const kind: StackKind = { normPlace: "before", positions: "tensor2tensor", embeddingNorm: false, finalNorm: true };

/** The model, its weights drawn from `weights`. */
function build(config: SeamlessM4tConfig, weights?: Weights): EncoderDecoderModel {
  const { width, vocabSize, tiedHead } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const tables = { sourceTokens: tokens, targetTokens: tokens };
  const [className] = architecture.classNames;
  return fairseqModel({ type: "seamless_m4t", className, config, ...tables, tiedHead, weights });
}

/** Defaults: transformers' `SeamlessM4TConfig`, which are fairseq's but for these. */
function readConfig(raw: JsonObject): SeamlessM4tConfig {
  const fields = fairseqFields({ activation: "relu", scaleEmbedding: true });
  const { vocabSize, padding, tiedHead, ...read } = strictConfig(raw, {
    model: "seamless_m4t",
    fields: {
      ...fields,
      width: size("hidden_size", 1024),
      encoderLayers: size("encoder_layers", 24),
      encoderHeads: size("encoder_attention_heads", 16),
      encoderWidth: size("encoder_ffn_dim", 8192),
      decoderLayers: size(["decoder_layers", "num_hidden_layers"], 24),
      decoderHeads: size(["decoder_attention_heads", "num_attention_heads"], 16),
      decoderWidth: size("decoder_ffn_dim", 8192),
      vocabSize: size("vocab_size", 256102),
      padding: tokenId("pad_token_id", 0),
      tiedHead: flag("tie_word_embeddings", true),
    },
    onlyIf: { is_encoder_decoder: [true] },
    ignored: [
      // The reference gives it to the speech encoder alone; the text stacks use PyTorch's default.
      "layer_norm_eps",
      // Speech in, speech out.
      "adaptor_*",
      "add_adapter",
      "conv_depthwise_kernel_size",
      "feature_projection_input_dim",
      "lang_embed_dim",
      "leaky_relu_slope",
      "max_source_positions",
      "num_adapter_layers",
      "num_conv_pos_embedding*",
      "position_embeddings_type",
      "resblock_*",
      "rotary_embedding_base",
      "sampling_rate",
      "speech_encoder_*",
      "spkr_embed_dim",
      "t2u_*",
      "unit_*",
      "upsample_*",
      "var_pred_dropout",
      "variance_predictor_kernel_size",
      "vocoder_*",
    ],
  });
  return { ...fairseqConfig(read, kind, padding + 1), vocabSize, tiedHead };
}

function weightTable(config: SeamlessM4tConfig): WeightTable {
  const { vocabSize: V, width: D, tiedHead } = config;
  const tied = tiedHead ? ["lm_head.weight"] : [];
  const copies = ["text_encoder.embed_tokens.weight", "text_decoder.embed_tokens.weight", ...tied];
  const names = { crossAttention: "cross_attention", mlp: "ffn.", mlpNorm: "ffn_layer_norm" };
  return {
    counts: { i: config.encoder.layers, j: config.decoder.layers },
    rows: {
      "shared.weight": { to: "tokens.table", shape: [V, D], copies },
      ...fairseqRows("encoder", config, { stack: "text_encoder", ...names }),
      ...fairseqRows("decoder", config, { stack: "text_decoder", ...names }),
      ...(!tiedHead && { "lm_head.weight": { to: "head.kernel", shape: [V, D], transpose: true } }),
    },
    ignored: [
      "speech_encoder.*",
      "t2u_model.*",
      "vocoder.*",
      "text_encoder.embed_positions.*",
      "text_decoder.embed_positions.*",
    ],
  };
}

export const architecture: Architecture<SeamlessM4tConfig> = {
  classNames: ["SeamlessM4TForTextToText", "SeamlessM4TModel"],
  dropout: { ...fairseqDropout(0.1), mlpOutput: ["activation_dropout", 0] },
  readConfig,
  weightTable,
  build,
};
