/**
 * Marian (Junczys-Dowmunt et al. 2018, arXiv 1804.00344), as the OPUS-MT translation models use it: the encoder-decoder
 * of Vaswani et al. 2017 (arXiv 1706.03762).
 *
 * Must match `MarianMTModel` of Hugging Face transformers. Layer normalisation after each part of a block and none at the
 * end, fixed sinusoidal positions, embeddings scaled by √D and shared with the output head, which adds a bias to the
 * logits; source and target may have vocabularies of their own. Compared with BART: no learned positions, and no norm of
 * the embeddings.
 *
 * The reference scales the decoder's embeddings inside the decoder, so that whoever passes embeddings in passes them
 * unscaled, unlike those of its encoder. Here both are scaled once, when they are looked up.
 */

import type { JsonObject } from "../src/json.ts";
import { Embedding } from "../src/layers/embedding.ts";
import type { Weights } from "../src/layers/weights.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, orNull, size } from "../src/model/configField.ts";
import type { EncoderDecoderModel } from "../src/model/model.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Architecture } from "./architecture.ts";
import { fairseqDropout } from "./dropout.ts";
import {
  type FairseqConfig,
  fairseqConfig,
  fairseqFields,
  fairseqLeftovers,
  fairseqModel,
  type StackKind,
  statedKind,
} from "./fairseq.ts";
import { fairseqBuffers, fairseqRows } from "./fairseqRows.ts";

export interface MarianConfig extends FairseqConfig {
  readonly sourceVocabSize: number;
  readonly targetVocabSize: number;
  /** One table of embeddings for source and target. */
  readonly sharedEmbeddings: boolean;
  readonly tiedHead: boolean;
  readonly logitsBias: boolean;
}

const kind: StackKind = { normPlace: "after", positions: "paper", embeddingNorm: false, finalNorm: false };

/** The model, its weights drawn from `weights`. */
function build(config: MarianConfig, weights?: Weights): EncoderDecoderModel {
  const { width, sourceVocabSize, targetVocabSize, sharedEmbeddings, tiedHead, logitsBias } = config;
  const table = (name: string, vocabSize: number) => new Embedding({ name, vocabSize, width, weights });
  const sourceTokens = table(sharedEmbeddings ? "tokens" : "encoder.tokens", sourceVocabSize);
  const targetTokens = sharedEmbeddings ? sourceTokens : table("decoder.tokens", targetVocabSize);
  const [className] = architecture.classNames;
  return fairseqModel({ type: "marian", className, config, sourceTokens, targetTokens, tiedHead, logitsBias, weights });
}

/** Defaults: transformers' `MarianConfig`. */
function readConfig(raw: JsonObject, tensors?: readonly string[]): MarianConfig {
  const read = strictConfig(raw, {
    model: "marian",
    fields: {
      ...fairseqFields({ activation: "gelu", scaleEmbedding: false }),
      vocabSize: size("vocab_size", 58101),
      decoderVocabSize: orNull(size("decoder_vocab_size")),
      sharedEmbeddings: flag("share_encoder_decoder_embeddings", true),
      tiedHead: flag("tie_word_embeddings", true),
    },
    onlyIf: statedKind(kind),
    ignored: fairseqLeftovers,
  });
  const { sharedEmbeddings, tiedHead, vocabSize, decoderVocabSize } = read;
  return {
    ...fairseqConfig(read, kind, 0),
    sourceVocabSize: vocabSize,
    // With one table for both, the reference does not read the decoder's own size.
    targetVocabSize: sharedEmbeddings ? vocabSize : (decoderVocabSize ?? vocabSize),
    sharedEmbeddings,
    tiedHead,
    // Without one in the checkpoint, transformers adds zeros.
    logitsBias: tensors === undefined || tensors.includes("final_logits_bias"),
  };
}

function weightTable(config: MarianConfig): WeightTable {
  const { width: D, sourceVocabSize, targetVocabSize, sharedEmbeddings, tiedHead } = config;
  const head = tiedHead ? ["lm_head.weight"] : [];
  const [source, target] = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];
  const embeddings: WeightTable["rows"] = sharedEmbeddings
    ? { "shared.weight": { to: "tokens.table", shape: [sourceVocabSize, D], copies: [source, target, ...head] } }
    : {
        [source]: { to: "encoder.tokens.table", shape: [sourceVocabSize, D] },
        [target]: { to: "decoder.tokens.table", shape: [targetVocabSize, D], copies: head },
      };
  return {
    counts: { i: config.encoder.layers, j: config.decoder.layers },
    prefixes: ["model."],
    rows: {
      ...embeddings,
      ...fairseqRows("encoder", config),
      ...fairseqRows("decoder", config),
      ...(config.logitsBias && { final_logits_bias: { to: "head.bias", shape: [1, targetVocabSize] } }),
      ...(!tiedHead && { "lm_head.weight": { to: "head.kernel", shape: [targetVocabSize, D], transpose: true } }),
    },
    ignored: fairseqBuffers,
  };
}

export const architecture: Architecture<MarianConfig> = {
  classNames: ["MarianMTModel"],
  dropout: fairseqDropout(0),
  readConfig,
  weightTable,
  build,
};
