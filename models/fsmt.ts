/**
 * FSMT (Ng et al. 2019, arXiv 1907.06616): the translation models that fairseq's team entered in WMT 2019.
 *
 * Must match `FSMTForConditionalGeneration` of Hugging Face transformers. Norms after each part of a block and none at
 * the end, scaled embeddings, ReLU, source and target with vocabularies of their own, and the target's table of embeddings
 * as output head. Compared with Marian: sinusoids by the formula of tensor2tensor, counted from the padding token's
 * id + 1, and no bias of the logits.
 *
 * The reference is causal only without its cache or one token at a time, and its path from embeddings scales them again
 * and takes them for token ids; here causality and positions do not depend on how the model is called. In its version 5
 * the head is a projection of its own, as it is here when a checkpoint holds one; in version 4 it never is.
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

export interface FsmtConfig extends FairseqConfig {
  readonly sourceVocabSize: number;
  readonly targetVocabSize: number;
  /** One table of embeddings for source and target. */
  readonly sharedEmbeddings: boolean;
  /** The target's table of embeddings is the output head. */
  readonly tiedHead: boolean;
}

const kind: StackKind = { normPlace: "after", positions: "tensor2tensor", embeddingNorm: false, finalNorm: false };

const PROJECTION = "decoder.output_projection.weight";

/** The model, its weights drawn from `weights`. */
function build(config: FsmtConfig, weights?: Weights): EncoderDecoderModel {
  const { width, sourceVocabSize, targetVocabSize, sharedEmbeddings, tiedHead } = config;
  const table = (name: string, vocabSize: number) => new Embedding({ name, vocabSize, width, weights });
  const targetTokens = table(sharedEmbeddings ? "tokens" : "decoder.tokens", targetVocabSize);
  const sourceTokens = sharedEmbeddings ? targetTokens : table("encoder.tokens", sourceVocabSize);
  const [className] = architecture.classNames;
  return fairseqModel({ type: "fsmt", className, config, sourceTokens, targetTokens, tiedHead, weights });
}

/** Defaults: transformers' `FSMTConfig`. */
function readConfig(raw: JsonObject, tensors: readonly string[] = []): FsmtConfig {
  const read = strictConfig(raw, {
    model: "fsmt",
    fields: {
      ...fairseqFields({ activation: "relu", scaleEmbedding: true }),
      sourceVocabSize: size("src_vocab_size", 42024),
      targetVocabSize: size(["tgt_vocab_size", "vocab_size"], 42024),
      padding: tokenId("pad_token_id", 1),
      sharedEmbeddings: flag("tie_word_embeddings", false),
    },
    onlyIf: statedKind(kind),
    // A second config for a decoder alone, which the reference drops, and what its tokenizer needs.
    ignored: [...fairseqLeftovers, "decoder", "langs"],
  });
  const { sourceVocabSize, targetVocabSize, padding, sharedEmbeddings } = read;
  return {
    ...fairseqConfig(read, kind, padding + 1),
    sourceVocabSize,
    targetVocabSize,
    sharedEmbeddings,
    tiedHead: sharedEmbeddings || !tensors.some((name) => name.endsWith(PROJECTION)),
  };
}

function weightTable(config: FsmtConfig): WeightTable {
  const { width: D, sourceVocabSize, targetVocabSize, sharedEmbeddings, tiedHead } = config;
  const [source, target] = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];
  const head = tiedHead ? [PROJECTION] : [];
  return {
    counts: { i: config.encoder.layers, j: config.decoder.layers },
    prefixes: ["model."],
    rows: {
      ...(sharedEmbeddings
        ? { [target]: { to: "tokens.table", shape: [targetVocabSize, D], copies: [source, ...head] } }
        : {
            [source]: { to: "encoder.tokens.table", shape: [sourceVocabSize, D] },
            [target]: { to: "decoder.tokens.table", shape: [targetVocabSize, D], copies: head },
          }),
      ...fairseqRows("encoder", config),
      ...fairseqRows("decoder", config),
      ...(!tiedHead && { [PROJECTION]: { to: "head.kernel", shape: [targetVocabSize, D], transpose: true } }),
    },
    ignored: fairseqBuffers,
  };
}

export const architecture: Architecture<FsmtConfig> = {
  classNames: ["FSMTForConditionalGeneration"],
  dropout: fairseqDropout(0),
  readConfig,
  weightTable,
  build,
};
