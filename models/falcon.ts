/**
 * Falcon (Almazrouei et al. 2023, arXiv 2311.16867) in its generations: falcon-rw (ALiBi, blocks as GPT-2's), falcon-7b
 * (one key/value head, attention and feed-forward part side by side), falcon-40b and later (groups of key/value heads).
 *
 * Must match `FalconForCausalLM` of Hugging Face transformers. Compared with GPT-NeoX: rotary positions on the whole of
 * each head, or ALiBi; key/value heads shared by groups; one normalisation for both parts or one for each; no biases
 * unless asked for. ALiBi is scaled with the scores, by 1/√K, and rounded to bfloat16, in which the models were trained.
 */

import { ConfigError } from "../src/errors.ts";
import type { JsonObject } from "../src/json.ts";
import { attendCausally, splitGroups } from "../src/layers/attend.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { FeedForward } from "../src/layers/feedForward.ts";
import { disposeLayers, single, TransformerLayer } from "../src/layers/layer.ts";
import { LayerNorm } from "../src/layers/layerNorm.ts";
import { Linear } from "../src/layers/linear.ts";
import { outputHead, read, readoutOf } from "../src/layers/outputHead.ts";
import { presentRotation, type RotaryPass } from "../src/layers/rotaryPass.ts";
import { throughBlocks } from "../src/layers/throughBlocks.ts";
import type { Weights } from "../src/layers/weights.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, number, orNull, size } from "../src/model/configField.ts";
import type { DecoderInput, DecoderOnlyModel } from "../src/model/model.ts";
import { keyPositions, positionIds } from "../src/model/positions.ts";
import { readRotary, rotaryFields } from "../src/model/rotaryConfig.ts";
import { visit } from "../src/model/sites.ts";
import { perHead } from "../src/model/sizes.ts";
import { linearRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import { decodeBfloat16, encodeBfloat16 } from "../src/numberFormats.ts";
import type { Activation } from "../src/ops/activation.ts";
import { alibiSlopes } from "../src/ops/alibi.ts";
import { embedding } from "../src/ops/embedding.ts";
import { rotary } from "../src/ops/rotary.ts";
import { dependsOnLength, type RotaryConfig, rotation } from "../src/ops/rotaryFrequencies.ts";
import {
  add,
  expandDims,
  type LayerInputs,
  type LayerShape,
  registerLayer,
  type Tensor,
  tensor,
  transpose,
} from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";
import { hiddenDropout } from "./dropout.ts";

export interface FalconConfig {
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** G */
  readonly keyValueHeads: number;
  /** None: ALiBi. */
  readonly rotary: RotaryConfig | undefined;
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly layerNormEpsilon: number;
  readonly bias: boolean;
  /** Attention and feed-forward part side by side, reading one normalised input or two; or one after the other. */
  readonly order: "one norm" | "two norms" | "sequential";
  readonly tiedHead: boolean;
}

interface BlockOptions {
  readonly name: string;
  readonly layer: number;
  readonly config: FalconConfig;
  readonly weights?: Weights | undefined;
}

/** K */
const headWidth = ({ width, heads }: FalconConfig): number => width / heads;

/** Causal self-attention, its positions rotary or ALiBi. */
export class FalconAttention extends TransformerLayer<BlockOptions> {
  static readonly className = "FalconAttention";
  readonly #qkv: Linear;
  readonly #output: Linear;

  constructor(options: BlockOptions) {
    super(options);
    const { name, config, weights } = options;
    const { width: D, keyValueHeads: G, bias } = config;
    const outputs = D + 2 * G * headWidth(config);
    this.#qkv = this.child(new Linear({ name: `${name}.qkv`, inputs: D, outputs, bias, weights }));
    this.#output = this.child(new Linear({ name: `${name}.output`, inputs: D, outputs: D, bias, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: RotaryPass = {}): Tensor {
    const { layer, config } = this.options;
    const x_BTD = single(inputs);
    const heads = splitGroups(this.#qkv.call(x_BTD), config.heads, config.keyValueHeads);
    const scale = 1 / Math.sqrt(headWidth(config));
    if (config.rotary === undefined) {
      const bias = pass.bias ?? roundedAlibi(config, keyPositions({ embeddings_BTD: x_BTD, mask_BS: pass.mask_BS }));
      return this.#output.call(attendCausally({ ...heads, layer, scale, bias }, pass));
    }
    const { cos_BTC, sin_BTC } = presentRotation(config.rotary, x_BTD, pass);
    const query_BHTK = rotary(heads.query_BHTK, cos_BTC, sin_BTC);
    const key_BGTK = rotary(heads.key_BGTK, cos_BTC, sin_BTC);
    return this.#output.call(attendCausally({ ...heads, query_BHTK, key_BGTK, layer, scale }, pass));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

/** bf16(bf16(m_h) · s) / √K for keys at positions s (int32 [B or 1, S]): [B or 1, H, 1, S]. */
function roundedAlibi(config: FalconConfig, positions_BS: Tensor): Tensor {
  const { heads: H } = config;
  const S = positions_BS.shape[1] ?? 0;
  const rounded = (values: Float32Array) => decodeBfloat16(encodeBfloat16(values));
  const slopes = rounded(Float32Array.from(alibiSlopes(H)));
  const products = Float32Array.from({ length: S * H }, (_, i) => Math.floor(i / H) * (slopes[i % H] ?? Number.NaN));
  const table_SH = tensor(
    rounded(products).map((value) => value / Math.sqrt(headWidth(config))),
    [S, H],
  );
  return expandDims(transpose(embedding(table_SH, positions_BS), [0, 2, 1]), 2);
}

/** Attention and feed-forward part, side by side or one after the other. */
export class FalconBlock extends TransformerLayer<BlockOptions> {
  static readonly className = "FalconBlock";
  readonly #attentionNorm: LayerNorm;
  readonly #attention: FalconAttention;
  readonly #mlpNorm: LayerNorm | undefined;
  readonly #mlp: FeedForward;

  constructor(options: BlockOptions) {
    super(options);
    const { name, layer, config, weights } = options;
    const { width, feedForwardWidth, activation, bias, layerNormEpsilon: epsilon } = config;
    const norm = (of: string) => this.child(new LayerNorm({ name: `${name}.${of}`, width, epsilon, weights }));
    const mlp = { width, feedForwardWidth, activation, bias };
    this.#attentionNorm = norm("attentionNorm");
    this.#attention = this.child(new FalconAttention({ name: `${name}.attention`, layer, config, weights }));
    this.#mlpNorm = config.order === "one norm" ? undefined : norm("mlpNorm");
    this.#mlp = this.child(new FeedForward({ name: `${name}.mlp`, ...mlp, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: RotaryPass = {}): Tensor {
    const { layer, config } = this.options;
    const at = { stack: "decoder", attention: "self", layer } as const;
    const x0 = visit(pass.sites, { ...at, name: "blockInput" }, single(inputs));
    const normalized = this.#attentionNorm.call(x0);
    const attended = visit(pass.sites, { ...at, name: "attentionOutput" }, this.#attention.call(normalized, pass));
    const x1 = add(x0, attended);
    const read = this.#mlpNorm?.call(config.order === "sequential" ? x1 : x0) ?? normalized;
    const x2 = add(x1, visit(pass.sites, { ...at, name: "mlpOutput" }, this.#mlp.call(read)));
    return visit(pass.sites, { ...at, name: "blockOutput" }, x2);
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

registerLayer(FalconAttention);
registerLayer(FalconBlock);

/** The model, its weights drawn from `weights`. */
function build(config: FalconConfig, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, width, layers, heads, layerNormEpsilon: epsilon } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const blocks = Array.from(
    { length: layers },
    (_, layer) => new FalconBlock({ name: `blocks.${layer}`, layer, config, weights }),
  );
  const finalNorm = new LayerNorm({ name: "finalNorm", width, epsilon, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, weights });
  const readout = readoutOf(finalNorm, head);
  const parts = [tokens, ...blocks, finalNorm, ...head.layers];

  return {
    kind: "decoder-only",
    facts: {
      type: "falcon",
      className: architecture.classNames[0],
      width,
      vocabSize,
      layers,
      heads,
      maxPositions: Number.POSITIVE_INFINITY,
      dependsOnLength: config.rotary !== undefined && dependsOnLength(config.rotary),
    },
    layers: parts,
    readout,

    embed: (ids_BT) => tokens.call(ids_BT),

    forward(input: DecoderInput): Tensor {
      const pass =
        config.rotary === undefined
          ? { ...input, bias: roundedAlibi(config, keyPositions(input)) }
          : { ...input, rotation: rotation(config.rotary, positionIds(input)) };
      const x = throughBlocks(input.embeddings_BTD, blocks, input.sites, (block, x) => block.call(x, pass));
      return read(readout, x, input.targets_B);
    },

    dispose: () => disposeLayers(parts),
  };
}

/** Defaults: transformers' `FalconConfig`. */
function readConfig(raw: JsonObject): FalconConfig {
  const {
    alibi,
    grouped,
    multiQuery,
    statedGroups,
    parallel,
    norms,
    feedForwardWidth,
    maxPositions,
    ropeTheta,
    ropeScaling,
    ropeParameters,
    originalMaxPositions,
    ...read
  } = strictConfig(raw, {
    model: "falcon",
    fields: {
      vocabSize: size("vocab_size", 65024),
      width: size(["hidden_size", "n_embed"], 4544),
      layers: size(["num_hidden_layers", "n_layer"], 32),
      heads: size(["num_attention_heads", "n_head"], 71),
      grouped: flag("new_decoder_architecture", false),
      multiQuery: flag("multi_query", true),
      statedGroups: orNull(size(["num_kv_heads", "n_head_kv"])),
      parallel: flag("parallel_attn", true),
      norms: orNull(size("num_ln_in_parallel_attn")),
      feedForwardWidth: orNull(size("ffn_hidden_size")),
      activation: activation("activation", "gelu"),
      layerNormEpsilon: number("layer_norm_epsilon", 1e-5),
      bias: flag("bias", false),
      alibi: flag("alibi", false),
      maxPositions: size("max_position_embeddings", 2048),
      tiedHead: flag("tie_word_embeddings", true),
      ...rotaryFields,
    },
    // BLOOM's attribute, which the reference does not read.
    onlyIf: { apply_residual_connection_post_layernorm: [false] },
  });
  const K = perHead("hidden_size", read.width, "num_attention_heads", read.heads);
  const keyValueHeads = groups({ grouped, multiQuery, stated: statedGroups, heads: read.heads });
  perHead("num_attention_heads", read.heads, "num_kv_heads", keyValueHeads);
  const rope = { ropeTheta, ropeScaling, ropeParameters, originalMaxPositions, maxPositions, headWidth: K };
  return {
    ...read,
    keyValueHeads,
    rotary: alibi ? undefined : readRotary("falcon", rope),
    feedForwardWidth: feedForwardWidth ?? 4 * read.width,
    order: orderOf({ grouped, parallel, norms }),
  };
}

interface Groups {
  readonly grouped: boolean;
  readonly multiQuery: boolean;
  readonly stated: number | null;
  readonly heads: number;
}

/** Key/value heads. Before falcon-40b there are one, whatever is stated, or as many as heads. */
function groups({ grouped, multiQuery, stated, heads }: Groups): number {
  if (grouped) return stated ?? heads;
  if (multiQuery) return 1;
  if (stated === null || stated === heads) return heads;
  throw new ConfigError(
    `num_kv_heads: without new_decoder_architecture and multi_query expected num_attention_heads = ${heads}, received ${stated}`,
  );
}

interface Order {
  readonly grouped: boolean;
  readonly parallel: boolean;
  readonly norms: number | null;
}

/** How attention and feed-forward part stand, from `new_decoder_architecture`, `parallel_attn`, `num_ln_in_parallel_attn`. */
function orderOf({ grouped, parallel, norms }: Order): FalconConfig["order"] {
  if (!parallel && !grouped) return "sequential";
  if (!parallel) throw new ConfigError("parallel_attn: expected true with new_decoder_architecture, received false");
  const count = norms ?? (grouped ? 2 : 1);
  if (count === 1) return "one norm";
  if (count === 2 && grouped) return "two norms";
  throw new ConfigError(`num_ln_in_parallel_attn: expected 1, or 2 with new_decoder_architecture, received ${count}`);
}

function weightTable(config: FalconConfig): WeightTable {
  const { vocabSize: V, width: D, keyValueHeads: G, feedForwardWidth: F, bias, order } = config;
  const block = "h.{i}";
  const norms = {
    "one norm": normRows(`${block}.input_layernorm`, "blocks.{i}.attentionNorm", D),
    "two norms": {
      ...normRows(`${block}.ln_attn`, "blocks.{i}.attentionNorm", D),
      ...normRows(`${block}.ln_mlp`, "blocks.{i}.mlpNorm", D),
    },
    sequential: {
      ...normRows(`${block}.input_layernorm`, "blocks.{i}.attentionNorm", D),
      ...normRows(`${block}.post_attention_layernorm`, "blocks.{i}.mlpNorm", D),
    },
  };
  const qkv = D + 2 * G * headWidth(config);
  return {
    counts: { i: config.layers },
    prefixes: ["transformer."],
    rows: {
      "word_embeddings.weight": {
        to: "tokens.table",
        shape: [V, D],
        copies: config.tiedHead ? ["lm_head.weight"] : [],
      },
      ...norms[order],
      ...linearRows(`${block}.self_attention.query_key_value`, "blocks.{i}.attention.qkv", D, qkv, bias),
      ...linearRows(`${block}.self_attention.dense`, "blocks.{i}.attention.output", D, D, bias),
      ...linearRows(`${block}.mlp.dense_h_to_4h`, "blocks.{i}.mlp.up", D, F, bias),
      ...linearRows(`${block}.mlp.dense_4h_to_h`, "blocks.{i}.mlp.down", F, D, bias),
      ...normRows("ln_f", "finalNorm", D),
      ...(!config.tiedHead && linearRows("lm_head", "head", D, V, false)),
    },
    // The frequencies, which older checkpoints store.
    ignored: [`${block}.self_attention.rotary_emb.inv_freq`, `${block}.self_attention.maybe_rotary.inv_freq`],
  };
}

export const architecture: Architecture<FalconConfig> = {
  classNames: ["FalconForCausalLM"],
  dropout: hiddenDropout,
  readConfig,
  weightTable,
  build,
};
