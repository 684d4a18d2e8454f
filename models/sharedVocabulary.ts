/**
 * Encoder-decoders of fairseq's kind with one table of embeddings for source, target and output head: an architecture
 * from a row of facts, so that the files of BART, Pegasus and M2M-100 tell only what is special about them.
 */

import type { JsonObject } from "../src/json.ts";
import { Embedding } from "../src/layers/embedding.ts";
import type { Weights } from "../src/layers/weights.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, size, tokenId } from "../src/model/configField.ts";
import type { DropoutAttributes } from "../src/model/dropout.ts";
import type { EncoderDecoderModel } from "../src/model/model.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Activation } from "../src/ops/activation.ts";
import type { Architecture } from "./architecture.ts";
import { fairseqDropout } from "./dropout.ts";
import {
  type FairseqAttributes,
  type FairseqConfig,
  type Fields,
  fairseqConfig,
  fairseqFields,
  fairseqLeftovers,
  fairseqModel,
  type StackKind,
  statedKind,
} from "./fairseq.ts";
import { fairseqBuffers, fairseqRows, type StackNames } from "./fairseqRows.ts";

export interface SharedVocabulary {
  readonly type: string;
  /** The classes of transformers; the first is the present one. */
  readonly classNames: Architecture["classNames"];
  readonly kind: StackKind;
  /** What the first position counts as, given the padding token's id. */
  readonly firstPosition: (padding: number) => number;
  /** The checkpoint may have a bias of the logits. */
  readonly logitsBias: boolean;
  /** What is dropped in training; without, as in fairseq, and no attention probabilities by default. */
  readonly dropout?: DropoutAttributes;
  /** How a checkpoint calls the parts of a block, where that differs. */
  readonly names?: Partial<StackNames>;
  /** Defaults of transformers' config. */
  readonly defaults: {
    readonly vocabSize: number;
    readonly activation: Activation;
    readonly scaleEmbedding: boolean;
    readonly padding: number;
  };
}

export interface SharedVocabularyConfig extends FairseqConfig {
  readonly vocabSize: number;
  readonly tiedHead: boolean;
  readonly logitsBias: boolean;
}

export function sharedVocabulary(family: SharedVocabulary): Architecture<SharedVocabularyConfig> {
  return {
    classNames: family.classNames,
    dropout: family.dropout ?? fairseqDropout(0),
    readConfig: (raw, tensors) => readConfig(family, raw, tensors),
    weightTable: (config) => weightTable(family, config),
    build: (config, weights) => build(family, config, weights),
  };
}

/** Without a bias in the checkpoint, transformers adds zeros. */
function readConfig(family: SharedVocabulary, raw: JsonObject, tensors?: readonly string[]): SharedVocabularyConfig {
  const read = strictConfig(raw, {
    model: family.type,
    fields: sharedVocabularyFields(family),
    onlyIf: statedKind(family.kind),
    ignored: fairseqLeftovers,
  });
  const stored = tensors === undefined || tensors.some((name) => name.endsWith("final_logits_bias"));
  return sharedVocabularyConfig(family, read, family.logitsBias && stored);
}

export interface SharedVocabularyAttributes extends FairseqAttributes {
  readonly vocabSize: number;
  readonly padding: number;
  readonly tiedHead: boolean;
}

/** The attributes of a config. */
export function sharedVocabularyFields({ defaults }: SharedVocabulary): Fields<SharedVocabularyAttributes> {
  return {
    ...fairseqFields(defaults),
    vocabSize: size("vocab_size", defaults.vocabSize),
    padding: tokenId("pad_token_id", defaults.padding),
    tiedHead: flag("tie_word_embeddings", true),
  };
}

export function sharedVocabularyConfig(
  { kind, firstPosition }: SharedVocabulary,
  { vocabSize, padding, tiedHead, ...read }: SharedVocabularyAttributes,
  logitsBias: boolean,
): SharedVocabularyConfig {
  return { ...fairseqConfig(read, kind, firstPosition(padding)), vocabSize, tiedHead, logitsBias };
}

function build(family: SharedVocabulary, config: SharedVocabularyConfig, weights?: Weights): EncoderDecoderModel {
  const { type, classNames } = family;
  const { width, vocabSize, tiedHead, logitsBias } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const tables = { sourceTokens: tokens, targetTokens: tokens };
  return fairseqModel({ type, className: classNames[0], config, ...tables, tiedHead, logitsBias, weights });
}

function weightTable({ names }: SharedVocabulary, config: SharedVocabularyConfig): WeightTable {
  const { vocabSize: V, width: D, tiedHead, logitsBias } = config;
  const copies = [
    "encoder.embed_tokens.weight",
    "decoder.embed_tokens.weight",
    ...(tiedHead ? ["lm_head.weight"] : []),
  ];
  return {
    counts: { i: config.encoder.layers, j: config.decoder.layers },
    prefixes: ["model."],
    rows: {
      "shared.weight": { to: "tokens.table", shape: [V, D], copies },
      ...fairseqRows("encoder", config, names),
      ...fairseqRows("decoder", config, names),
      ...(!tiedHead && { "lm_head.weight": { to: "head.kernel", shape: [V, D], transpose: true } }),
      ...(logitsBias && { final_logits_bias: { to: "head.bias", shape: [1, V] } }),
    },
    ignored: fairseqBuffers,
  };
}
