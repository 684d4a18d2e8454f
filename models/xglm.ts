/**
 * XGLM (Lin et al. 2022, arXiv 2112.10668).
 *
 * Must match `XGLMForCausalLM` of Hugging Face transformers. Compared with OPT: sinusoidal positions instead of learned
 * ones, GELU, and embeddings scaled by √D.
 */

import { ConfigError } from "../src/errors.ts";
import type { JsonObject } from "../src/json.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { outputHead } from "../src/layers/outputHead.ts";
import type { Weights } from "../src/layers/weights.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, orNull, size, tokenId } from "../src/model/configField.ts";
import type { DecoderOnlyModel } from "../src/model/model.ts";
import { perHead } from "../src/model/sizes.ts";
import { linearRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Architecture } from "./architecture.ts";
import { decoderOnly } from "./decoderOnly.ts";
import { fairseqDropout } from "./dropout.ts";
import { type FairseqDecoderConfig, FIRST_POSITION, fairseqDecoder, fairseqDecoderRows } from "./fairseqDecoder.ts";

export interface XglmConfig extends FairseqDecoderConfig {
  readonly vocabSize: number;
  readonly maxPositions: number;
  /** Multiply embeddings by √D. */
  readonly scaleEmbedding: boolean;
  readonly tiedHead: boolean;
}

/** The model, its weights drawn from `weights`. */
function build(config: XglmConfig, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, width, layers, heads, maxPositions } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  return decoderOnly({
    facts: { type: "xglm", className: architecture.classNames[0], width, vocabSize, layers, heads, maxPositions },
    tokens,
    embeddingScale: config.scaleEmbedding ? Math.sqrt(width) : 1,
    decoder: fairseqDecoder(config, weights),
    head: outputHead({ tokens, tied: config.tiedHead, weights }),
  });
}

/** Defaults: transformers' `XGLMConfig`. */
function readConfig(raw: JsonObject): XglmConfig {
  const { padding, ...read } = strictConfig(raw, {
    model: "xglm",
    fields: {
      vocabSize: size("vocab_size", 256008),
      width: size(["d_model", "hidden_size"], 1024),
      layers: size(["num_layers", "num_hidden_layers"], 24),
      heads: size(["attention_heads", "num_attention_heads"], 16),
      feedForwardWidth: size("ffn_dim", 4096),
      maxPositions: size("max_position_embeddings", 2048),
      activation: activation("activation_function", "gelu"),
      scaleEmbedding: flag("scale_embedding", true),
      tiedHead: flag("tie_word_embeddings", true),
      padding: orNull(tokenId("pad_token_id", 1)),
    },
  });
  perHead("d_model", read.width, "attention_heads", read.heads);
  // The reference sets this row of the table of positions to zero.
  if (padding !== null && padding >= FIRST_POSITION) {
    throw new ConfigError(`pad_token_id: expected 0 or 1, as a row that no position uses, received ${padding}`);
  }
  return {
    ...read,
    positions: {
      kind: "sinusoidal",
      positions: read.maxPositions,
      formula: "tensor2tensor",
      first: FIRST_POSITION,
    },
    normPlace: "before",
    trainedNorms: true,
    finalNorm: true,
    bias: true,
  };
}

function weightTable(config: XglmConfig): WeightTable {
  const { vocabSize: V, width: D } = config;
  return {
    counts: { i: config.layers },
    prefixes: ["model."],
    rows: {
      "embed_tokens.weight": { to: "tokens.table", shape: [V, D], copies: config.tiedHead ? ["lm_head.weight"] : [] },
      ...fairseqDecoderRows(config, "layer_norm"),
      ...(!config.tiedHead && linearRows("lm_head", "head", D, V, false)),
    },
    // The positions, which follow from their size.
    ignored: ["embed_positions.weights", "embed_positions._float_tensor"],
  };
}

export const architecture: Architecture<XglmConfig> = {
  classNames: ["XGLMForCausalLM"],
  dropout: fairseqDropout(0.1),
  readConfig,
  weightTable,
  build,
};
