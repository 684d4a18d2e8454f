/**
 * MPT (MosaicML 2023, "Introducing MPT-7B").
 *
 * Must match `MptForCausalLM` of Hugging Face transformers. Compared with BLOOM: no biases, not even in the
 * normalisations, none of which follows the embeddings; a feed-forward part with the exact GELU; queries, keys and values
 * may be clipped, and the scale of the scores may be given.
 */

import { ConfigError } from "../src/errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../src/json.ts";
import { attendCausally, splitHeads } from "../src/layers/attend.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { FeedForward } from "../src/layers/feedForward.ts";
import { disposeLayers, single, TransformerLayer } from "../src/layers/layer.ts";
import { LayerNorm } from "../src/layers/layerNorm.ts";
import { Linear } from "../src/layers/linear.ts";
import { outputHead, read, readoutOf } from "../src/layers/outputHead.ts";
import type { Pass } from "../src/layers/pass.ts";
import { presentAlibi } from "../src/layers/presentAlibi.ts";
import { throughBlocks } from "../src/layers/throughBlocks.ts";
import type { Weights } from "../src/layers/weights.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, json, number, orNull, size } from "../src/model/configField.ts";
import type { DecoderInput, DecoderOnlyModel } from "../src/model/model.ts";
import { keyPositions } from "../src/model/positions.ts";
import { visit } from "../src/model/sites.ts";
import { perHead } from "../src/model/sizes.ts";
import { linearRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import { alibi, alibiSlopes } from "../src/ops/alibi.ts";
import { add, clip, type LayerInputs, type LayerShape, registerLayer, split, type Tensor } from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";
import { residualDropout } from "./dropout.ts";

export interface MptConfig {
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly layerNormEpsilon: number;
  /** Queries, keys and values are cut off beyond ± this. */
  readonly clip: number | null;
  /** Factor of the scores; 1/√K unless given. */
  readonly scale: number;
  readonly tiedHead: boolean;
}

interface BlockOptions {
  readonly name: string;
  readonly layer: number;
  readonly config: MptConfig;
  readonly weights?: Weights | undefined;
}

/** Causal self-attention with a penalty on distance, without biases. */
export class MptAttention extends TransformerLayer<BlockOptions> {
  static readonly className = "MptAttention";
  readonly #qkv: Linear;
  readonly #output: Linear;

  constructor(options: BlockOptions) {
    super(options);
    const { name, config, weights } = options;
    const D = config.width;
    this.#qkv = this.child(new Linear({ name: `${name}.qkv`, inputs: D, outputs: 3 * D, bias: false, weights }));
    this.#output = this.child(new Linear({ name: `${name}.output`, inputs: D, outputs: D, bias: false, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: Pass = {}): Tensor {
    const { layer, config } = this.options;
    const fused = this.#qkv.call(inputs);
    const clipped = config.clip === null ? fused : clip(fused, -config.clip, config.clip);
    const heads = split(clipped, 3, 2).map((x_BTD) => splitHeads(x_BTD, config.heads));
    const [query_BHTK, key_BGTK, value_BGTK] = heads as [Tensor, Tensor, Tensor];
    const bias = presentAlibi(config.heads, single(inputs), pass);
    const present = { query_BHTK, key_BGTK, value_BGTK, layer, scale: config.scale, bias };
    return this.#output.call(attendCausally(present, pass));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

/** x + attention(norm(x)), then x + feedForward(norm(x)). */
export class MptBlock extends TransformerLayer<BlockOptions> {
  static readonly className = "MptBlock";
  readonly #attentionNorm: LayerNorm;
  readonly #attention: MptAttention;
  readonly #mlpNorm: LayerNorm;
  readonly #mlp: FeedForward;

  constructor(options: BlockOptions) {
    super(options);
    const { name, layer, config, weights } = options;
    const { width, layerNormEpsilon: epsilon } = config;
    const norm = (of: string) =>
      this.child(new LayerNorm({ name: `${name}.${of}`, width, epsilon, bias: false, weights }));
    const mlp = { width, feedForwardWidth: 4 * width, activation: "gelu", bias: false } as const;
    this.#attentionNorm = norm("attentionNorm");
    this.#attention = this.child(new MptAttention({ name: `${name}.attention`, layer, config, weights }));
    this.#mlpNorm = norm("mlpNorm");
    this.#mlp = this.child(new FeedForward({ name: `${name}.mlp`, ...mlp, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: Pass = {}): Tensor {
    const at = { stack: "decoder", attention: "self", layer: this.options.layer } as const;
    const x0 = visit(pass.sites, { ...at, name: "blockInput" }, single(inputs));
    const attended = this.#attention.call(this.#attentionNorm.call(x0), pass);
    const x1 = add(x0, visit(pass.sites, { ...at, name: "attentionOutput" }, attended));
    const mlp = this.#mlp.call(this.#mlpNorm.call(x1));
    const x2 = add(x1, visit(pass.sites, { ...at, name: "mlpOutput" }, mlp));
    return visit(pass.sites, { ...at, name: "blockOutput" }, x2);
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

registerLayer(MptAttention);
registerLayer(MptBlock);

/** The model, its weights drawn from `weights`. */
function build(config: MptConfig, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, width, layers, heads, layerNormEpsilon: epsilon } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const blocks = Array.from(
    { length: layers },
    (_, layer) => new MptBlock({ name: `blocks.${layer}`, layer, config, weights }),
  );
  const finalNorm = new LayerNorm({ name: "finalNorm", width, epsilon, bias: false, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, weights });
  const readout = readoutOf(finalNorm, head);
  const parts = [tokens, ...blocks, finalNorm, ...head.layers];
  const maxPositions = Number.POSITIVE_INFINITY;

  return {
    kind: "decoder-only",
    facts: { type: "mpt", className: architecture.classNames[0], width, vocabSize, layers, heads, maxPositions },
    layers: parts,
    readout,

    embed: (ids_BT) => tokens.call(ids_BT),

    forward(input: DecoderInput): Tensor {
      // Distances are all that counts, so positions that the caller gives change nothing.
      const pass = { ...input, bias: alibi(alibiSlopes(heads), keyPositions(input)) };
      const x = throughBlocks(input.embeddings_BTD, blocks, input.sites, (block, x) => block.call(x, pass));
      return read(readout, x, input.targets_B);
    },

    dispose: () => disposeLayers(parts),
  };
}

/** Defaults: transformers' `MptConfig`. */
function readConfig(raw: JsonObject): MptConfig {
  const { attention, ...read } = strictConfig(raw, {
    model: "mpt",
    fields: {
      vocabSize: size("vocab_size", 50368),
      width: size(["d_model", "hidden_size"], 2048),
      layers: size(["n_layers", "num_hidden_layers"], 24),
      heads: size(["n_heads", "num_attention_heads"], 16),
      layerNormEpsilon: number("layer_norm_epsilon", 1e-5),
      attention: orNull(json("attn_config")),
      tiedHead: flag("tie_word_embeddings", true),
    },
    // How the model was made, the dropout of training, and the longest text of training: ALiBi has no limit.
    ignored: ["emb_pdrop", "init_config", "init_device", "max_seq_len", "tokenizer_name", "verbose"],
    // What the original program can and the reference cannot. Learned positions are not used beside ALiBi.
    onlyIf: {
      embedding_fraction: [1],
      expansion_ratio: [4],
      learned_pos_emb: [true, false],
      no_bias: [true],
      norm_type: ["low_precision_layernorm", "layernorm"],
    },
  });
  const K = perHead("d_model", read.width, "n_heads", read.heads);
  const { clip, scale } = readAttention(attention);
  return { ...read, clip: clip === 0 ? null : clip, scale: scale ?? 1 / Math.sqrt(K) };
}

/** Defaults: transformers' `MptAttentionConfig`. */
function readAttention(raw: Json): { readonly clip: number | null; readonly scale: number | null } {
  const given = raw ?? {};
  if (!isJsonObject(given)) throw new ConfigError(`attn_config: expected an object, received ${JSON.stringify(raw)}`);
  return strictConfig(given, {
    model: "mpt (its attn_config)",
    fields: { clip: orNull(number("clip_qkv")), scale: orNull(number("softmax_scale")) },
    ignored: ["attn_impl"],
    onlyIf: {
      alibi: [true],
      alibi_bias_max: [8],
      attn_type: ["multihead_attention"],
      attn_uses_sequence_id: [false],
      prefix_lm: [false],
      qk_ln: [false],
    },
  });
}

function weightTable(config: MptConfig): WeightTable {
  const { vocabSize: V, width: D } = config;
  const block = "blocks.{i}";
  return {
    counts: { i: config.layers },
    prefixes: ["transformer."],
    rows: {
      "wte.weight": { to: "tokens.table", shape: [V, D], copies: config.tiedHead ? ["lm_head.weight"] : [] },
      ...normRows(`${block}.norm_1`, "blocks.{i}.attentionNorm", D, false),
      ...linearRows(`${block}.attn.Wqkv`, "blocks.{i}.attention.qkv", D, 3 * D, false),
      ...linearRows(`${block}.attn.out_proj`, "blocks.{i}.attention.output", D, D, false),
      ...normRows(`${block}.norm_2`, "blocks.{i}.mlpNorm", D, false),
      ...linearRows(`${block}.ffn.up_proj`, "blocks.{i}.mlp.up", D, 4 * D, false),
      ...linearRows(`${block}.ffn.down_proj`, "blocks.{i}.mlp.down", 4 * D, D, false),
      ...normRows("norm_f", "finalNorm", D, false),
      ...(!config.tiedHead && linearRows("lm_head", "head", D, V, false)),
    },
  };
}

export const architecture: Architecture<MptConfig> = {
  classNames: ["MptForCausalLM", "MPTForCausalLM"],
  dropout: { attention: ["attn_config.attn_pdrop", 0], ...residualDropout("attn_config.attn_pdrop", 0) },
  readConfig,
  weightTable,
  build,
};
