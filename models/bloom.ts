/**
 * BLOOM (Le Scao et al. 2022, arXiv 2211.05100).
 *
 * Must match `BloomForCausalLM` of Hugging Face transformers. Compared with GPT-2: ALiBi instead of positions, a
 * normalisation of the embeddings, and the fused projection laid out head by head. A variant (Megatron's) takes what is
 * normalised, instead of what comes in, for the residual sums.
 */

import type { JsonObject } from "../src/json.ts";
import { attendCausally, splitGroups } from "../src/layers/attend.ts";
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
import { flag, number, size } from "../src/model/configField.ts";
import type { DecoderInput, DecoderOnlyModel } from "../src/model/model.ts";
import { keyPositions } from "../src/model/positions.ts";
import { visit } from "../src/model/sites.ts";
import { perHead } from "../src/model/sizes.ts";
import { linearRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import { alibi, alibiSlopes } from "../src/ops/alibi.ts";
import { add, type LayerInputs, type LayerShape, registerLayer, type Tensor } from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";
import { hiddenDropout } from "./dropout.ts";

export interface BloomConfig {
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly layerNormEpsilon: number;
  /** The residual sums start from what is normalised. */
  readonly normalizedResidual: boolean;
  readonly tiedHead: boolean;
}

interface BlockOptions {
  readonly name: string;
  readonly layer: number;
  readonly config: BloomConfig;
  readonly weights?: Weights | undefined;
}

/** Causal self-attention with a penalty on distance. */
export class BloomAttention extends TransformerLayer<BlockOptions> {
  static readonly className = "BloomAttention";
  readonly #qkv: Linear;
  readonly #output: Linear;

  constructor(options: BlockOptions) {
    super(options);
    const { name, config, weights } = options;
    const D = config.width;
    this.#qkv = this.child(new Linear({ name: `${name}.qkv`, inputs: D, outputs: 3 * D, weights }));
    this.#output = this.child(new Linear({ name: `${name}.output`, inputs: D, outputs: D, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: Pass = {}): Tensor {
    const { layer, config } = this.options;
    const heads = splitGroups(this.#qkv.call(inputs), config.heads, config.heads);
    const scale = 1 / Math.sqrt(config.width / config.heads);
    const bias = presentAlibi(config.heads, single(inputs), pass);
    return this.#output.call(attendCausally({ ...heads, layer, scale, bias }, pass));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

/** x + attention(norm(x)), then x + feedForward(norm(x)); or norm(x) + attention(norm(x)), and so on. */
export class BloomBlock extends TransformerLayer<BlockOptions> {
  static readonly className = "BloomBlock";
  readonly #attentionNorm: LayerNorm;
  readonly #attention: BloomAttention;
  readonly #mlpNorm: LayerNorm;
  readonly #mlp: FeedForward;

  constructor(options: BlockOptions) {
    super(options);
    const { name, layer, config, weights } = options;
    const { width, layerNormEpsilon: epsilon } = config;
    const mlp = { width, feedForwardWidth: 4 * width, activation: "gelu_new" } as const;
    this.#attentionNorm = this.child(new LayerNorm({ name: `${name}.attentionNorm`, width, epsilon, weights }));
    this.#attention = this.child(new BloomAttention({ name: `${name}.attention`, layer, config, weights }));
    this.#mlpNorm = this.child(new LayerNorm({ name: `${name}.mlpNorm`, width, epsilon, weights }));
    this.#mlp = this.child(new FeedForward({ name: `${name}.mlp`, ...mlp, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: Pass = {}): Tensor {
    const { layer, config } = this.options;
    const at = { stack: "decoder", attention: "self", layer } as const;
    const x0 = visit(pass.sites, { ...at, name: "blockInput" }, single(inputs));
    const normalized0 = this.#attentionNorm.call(x0);
    const attended = visit(pass.sites, { ...at, name: "attentionOutput" }, this.#attention.call(normalized0, pass));
    const x1 = add(config.normalizedResidual ? normalized0 : x0, attended);
    const normalized1 = this.#mlpNorm.call(x1);
    const mlp = visit(pass.sites, { ...at, name: "mlpOutput" }, this.#mlp.call(normalized1));
    const x2 = add(config.normalizedResidual ? normalized1 : x1, mlp);
    return visit(pass.sites, { ...at, name: "blockOutput" }, x2);
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

registerLayer(BloomAttention);
registerLayer(BloomBlock);

/** The model, its weights drawn from `weights`. */
function build(config: BloomConfig, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, width, layers, heads, layerNormEpsilon: epsilon } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const tokensNorm = new LayerNorm({ name: "tokensNorm", width, epsilon, weights });
  const blocks = Array.from(
    { length: layers },
    (_, layer) => new BloomBlock({ name: `blocks.${layer}`, layer, config, weights }),
  );
  const finalNorm = new LayerNorm({ name: "finalNorm", width, epsilon, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, weights });
  const readout = readoutOf(finalNorm, head);
  const parts = [tokens, tokensNorm, ...blocks, finalNorm, ...head.layers];
  const maxPositions = Number.POSITIVE_INFINITY;

  return {
    kind: "decoder-only",
    facts: { type: "bloom", className: architecture.classNames[0], width, vocabSize, layers, heads, maxPositions },
    layers: parts,
    readout,

    embed: (ids_BT) => tokens.call(ids_BT),

    forward(input: DecoderInput): Tensor {
      // Distances are all that counts, so positions that the caller gives change nothing.
      const pass = { ...input, bias: alibi(alibiSlopes(heads), keyPositions(input)) };
      const x0 = tokensNorm.call(input.embeddings_BTD);
      const x = throughBlocks(x0, blocks, input.sites, (block, x) => block.call(x, pass));
      return read(readout, x, input.targets_B);
    },

    dispose: () => disposeLayers(parts),
  };
}

/** Defaults: transformers' `BloomConfig`. */
function readConfig(raw: JsonObject): BloomConfig {
  const config = strictConfig(raw, {
    model: "bloom",
    fields: {
      vocabSize: size("vocab_size", 250880),
      width: size(["hidden_size", "n_embed"], 64),
      layers: size(["n_layer", "num_hidden_layers"], 2),
      heads: size(["n_head", "num_attention_heads"], 8),
      layerNormEpsilon: number("layer_norm_epsilon", 1e-5),
      normalizedResidual: flag("apply_residual_connection_post_layernorm", false),
      tiedHead: flag("tie_word_embeddings", true),
    },
    // Of the training program: how it fuses its operations, in which precision and order it sums.
    ignored: [
      "attention_softmax_in_fp32",
      "bias_dropout_fusion",
      "masked_softmax_fusion",
      "offset_alibi",
      "pretraining_tp",
      "seq_length",
      "skip_bias_add",
      "skip_bias_add_qkv",
      "slow_but_exact",
      "unk_token_id",
    ],
  });
  perHead("hidden_size", config.width, "n_head", config.heads);
  return config;
}

function weightTable(config: BloomConfig): WeightTable {
  const { vocabSize: V, width: D } = config;
  const block = "h.{i}";
  return {
    counts: { i: config.layers },
    prefixes: ["transformer."],
    rows: {
      "word_embeddings.weight": {
        to: "tokens.table",
        shape: [V, D],
        copies: config.tiedHead ? ["lm_head.weight"] : [],
      },
      ...normRows("word_embeddings_layernorm", "tokensNorm", D),
      ...normRows(`${block}.input_layernorm`, "blocks.{i}.attentionNorm", D),
      ...linearRows(`${block}.self_attention.query_key_value`, "blocks.{i}.attention.qkv", D, 3 * D),
      ...linearRows(`${block}.self_attention.dense`, "blocks.{i}.attention.output", D, D),
      ...normRows(`${block}.post_attention_layernorm`, "blocks.{i}.mlpNorm", D),
      ...linearRows(`${block}.mlp.dense_h_to_4h`, "blocks.{i}.mlp.up", D, 4 * D),
      ...linearRows(`${block}.mlp.dense_4h_to_h`, "blocks.{i}.mlp.down", 4 * D, D),
      ...normRows("ln_f", "finalNorm", D),
      ...(!config.tiedHead && linearRows("lm_head", "head", D, V, false)),
    },
  };
}

export const architecture: Architecture<BloomConfig> = {
  classNames: ["BloomForCausalLM"],
  dropout: hiddenDropout,
  readConfig,
  weightTable,
  build,
};
