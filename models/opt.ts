/**
 * OPT (Zhang et al. 2022, arXiv 2205.01068).
 *
 * Must match `OPTForCausalLM` of Hugging Face transformers. A Transformer decoder with learned positions and ReLU,
 * normalised before each part of a block and at the end, except for the model of 350 million parameters, which is
 * normalised after each part, and whose embeddings are narrower than its blocks: they are projected in and out. Compared
 * with GPT-2: separate projections of queries, keys and values, and a table of positions whose first two rows are not used.
 */

import type { JsonObject } from "../src/json.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { disposeLayers } from "../src/layers/layer.ts";
import { Linear } from "../src/layers/linear.ts";
import { outputHead, readoutOf } from "../src/layers/outputHead.ts";
import type { Weights } from "../src/layers/weights.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, orNull, size } from "../src/model/configField.ts";
import type { DecoderOnlyModel } from "../src/model/model.ts";
import { perHead } from "../src/model/sizes.ts";
import { linearRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Architecture } from "./architecture.ts";
import { residualDropout } from "./dropout.ts";
import { type FairseqDecoderConfig, FIRST_POSITION, fairseqDecoder, fairseqDecoderRows } from "./fairseqDecoder.ts";

export interface OptConfig extends FairseqDecoderConfig {
  readonly vocabSize: number;
  /** Width of the embeddings, and of the states that enter the head. */
  readonly embeddingWidth: number;
  readonly maxPositions: number;
  readonly tiedHead: boolean;
}

/** The model, its weights drawn from `weights`. */
function build(config: OptConfig, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, embeddingWidth, width, layers, heads, maxPositions } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width: embeddingWidth, weights });
  const projection = (name: string, inputs: number, outputs: number) =>
    embeddingWidth === width ? undefined : new Linear({ name, inputs, outputs, bias: false, weights });
  const projectIn = projection("projectIn", embeddingWidth, width);
  const decoder = fairseqDecoder(config, weights);
  const projectOut = projection("projectOut", width, embeddingWidth);
  const head = outputHead({ tokens, tied: config.tiedHead, weights });
  const readout = readoutOf(decoder.finalNorm, { logits: (x) => head.logits(projectOut?.call(x) ?? x) });
  const parts = [tokens, projectIn, ...decoder.layers, projectOut, ...head.layers].filter((x) => x !== undefined);

  return {
    kind: "decoder-only",
    facts: {
      type: "opt",
      className: architecture.classNames[0],
      width,
      ...(embeddingWidth !== width && { embeddingWidth }),
      vocabSize,
      layers,
      heads,
      maxPositions,
    },
    layers: parts,
    readout,

    embed: (ids_BT) => tokens.call(ids_BT),

    forward({ embeddings_BTD, ...pass }) {
      return readout.logits(decoder.call(projectIn?.call(embeddings_BTD) ?? embeddings_BTD, pass));
    },

    dispose: () => disposeLayers(parts),
  };
}

/** Defaults: transformers' `OPTConfig`. */
function readConfig(raw: JsonObject): OptConfig {
  const { embeddingWidth, normalizesBefore, withoutFinalNorm, ...read } = strictConfig(raw, {
    model: "opt",
    fields: {
      vocabSize: size("vocab_size", 50272),
      width: size("hidden_size", 768),
      embeddingWidth: orNull(size("word_embed_proj_dim")),
      layers: size("num_hidden_layers", 12),
      heads: size("num_attention_heads", 12),
      feedForwardWidth: size("ffn_dim", 3072),
      maxPositions: size("max_position_embeddings", 2048),
      activation: activation("activation_function", "relu"),
      normalizesBefore: flag("do_layer_norm_before", true),
      withoutFinalNorm: flag("_remove_final_layer_norm", false),
      trainedNorms: flag("layer_norm_elementwise_affine", true),
      bias: flag("enable_bias", true),
      tiedHead: flag("tie_word_embeddings", true),
    },
  });
  perHead("hidden_size", read.width, "num_attention_heads", read.heads);
  return {
    ...read,
    embeddingWidth: embeddingWidth ?? read.width,
    positions: { kind: "learned", positions: read.maxPositions, offset: FIRST_POSITION },
    normPlace: normalizesBefore ? "before" : "after",
    finalNorm: normalizesBefore && !withoutFinalNorm,
  };
}

function weightTable(config: OptConfig): WeightTable {
  const { vocabSize: V, width: D, embeddingWidth: E } = config;
  return {
    counts: { i: config.layers },
    prefixes: ["model.decoder.", "decoder."],
    rows: {
      "embed_tokens.weight": { to: "tokens.table", shape: [V, E], copies: config.tiedHead ? ["lm_head.weight"] : [] },
      ...(E !== D && linearRows("project_in", "projectIn", E, D, false)),
      ...fairseqDecoderRows(config, "final_layer_norm"),
      ...(E !== D && linearRows("project_out", "projectOut", D, E, false)),
      ...(!config.tiedHead && linearRows("lm_head", "head", E, V, false)),
    },
  };
}

export const architecture: Architecture<OptConfig> = {
  classNames: ["OPTForCausalLM"],
  dropout: { attention: ["attention_dropout", 0], ...residualDropout("dropout", 0.1) },
  readConfig,
  weightTable,
  build,
};
