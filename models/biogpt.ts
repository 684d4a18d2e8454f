/**
 * BioGPT (Luo et al. 2022, arXiv 2210.10341).
 *
 * Must match `BioGptForCausalLM` of Hugging Face transformers. Compared with OPT: GELU, and embeddings scaled by √D.
 */

import type { JsonObject } from "../src/json.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { outputHead } from "../src/layers/outputHead.ts";
import type { Weights } from "../src/layers/weights.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, size } from "../src/model/configField.ts";
import type { DecoderOnlyModel } from "../src/model/model.ts";
import { perHead } from "../src/model/sizes.ts";
import { linearRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Architecture } from "./architecture.ts";
import { decoderOnly } from "./decoderOnly.ts";
import { residualDropout } from "./dropout.ts";
import { type FairseqDecoderConfig, FIRST_POSITION, fairseqDecoder, fairseqDecoderRows } from "./fairseqDecoder.ts";

export interface BioGptConfig extends FairseqDecoderConfig {
  readonly vocabSize: number;
  readonly maxPositions: number;
  /** Multiply embeddings by √D. */
  readonly scaleEmbedding: boolean;
  readonly tiedHead: boolean;
}

/** The model, its weights drawn from `weights`. */
function build(config: BioGptConfig, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, width, layers, heads, maxPositions } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  return decoderOnly({
    facts: { type: "biogpt", className: architecture.classNames[0], width, vocabSize, layers, heads, maxPositions },
    tokens,
    embeddingScale: config.scaleEmbedding ? Math.sqrt(width) : 1,
    decoder: fairseqDecoder(config, weights),
    head: outputHead({ tokens, tied: config.tiedHead, weights }),
  });
}

/** Defaults: transformers' `BioGptConfig`. */
function readConfig(raw: JsonObject): BioGptConfig {
  const read = strictConfig(raw, {
    model: "biogpt",
    fields: {
      vocabSize: size("vocab_size", 42384),
      width: size("hidden_size", 1024),
      layers: size("num_hidden_layers", 24),
      heads: size("num_attention_heads", 16),
      feedForwardWidth: size("intermediate_size", 4096),
      maxPositions: size("max_position_embeddings", 1024),
      activation: activation("hidden_act", "gelu"),
      scaleEmbedding: flag("scale_embedding", true),
      tiedHead: flag("tie_word_embeddings", true),
    },
    // The reference normalises with PyTorch's default, whatever this says.
    ignored: ["layer_norm_eps"],
  });
  perHead("hidden_size", read.width, "num_attention_heads", read.heads);
  return {
    ...read,
    positions: { kind: "learned", positions: read.maxPositions, offset: FIRST_POSITION },
    normPlace: "before",
    trainedNorms: true,
    finalNorm: true,
    bias: true,
  };
}

function weightTable(config: BioGptConfig): WeightTable {
  const { vocabSize: V, width: D } = config;
  const head = "output_projection";
  return {
    counts: { i: config.layers },
    prefixes: ["biogpt."],
    rows: {
      "embed_tokens.weight": {
        to: "tokens.table",
        shape: [V, D],
        copies: config.tiedHead ? [`${head}.weight`] : [],
      },
      ...fairseqDecoderRows(config, "layer_norm"),
      ...(!config.tiedHead && linearRows(head, "head", D, V, false)),
    },
  };
}

export const architecture: Architecture<BioGptConfig> = {
  classNames: ["BioGptForCausalLM"],
  dropout: {
    embedding: ["hidden_dropout_prob", 0.1],
    attention: ["attention_probs_dropout_prob", 0.1],
    ...residualDropout("hidden_dropout_prob", 0.1),
    activation: ["activation_dropout", 0],
  },
  readConfig,
  weightTable,
  build,
};
