/**
 * GPTBigCode: SantaCoder and StarCoder (Allal et al. 2023, arXiv 2301.03988; Li et al. 2023, arXiv 2305.06161).
 *
 * Must match `GPTBigCodeForCausalLM` of Hugging Face transformers. GPT-2 with multi-query attention (Shazeer 2019, arXiv
 * 1911.02150): all heads share one key and one value. Without it, the fused projection is laid out head by head, unlike
 * GPT-2's.
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
import type { Pass } from "../src/layers/pass.ts";
import { throughBlocks } from "../src/layers/throughBlocks.ts";
import type { Weights } from "../src/layers/weights.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, number, orNull, size } from "../src/model/configField.ts";
import type { DecoderInput, DecoderOnlyModel } from "../src/model/model.ts";
import { positionIds } from "../src/model/positions.ts";
import { visit } from "../src/model/sites.ts";
import { perHead } from "../src/model/sizes.ts";
import { linearRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Activation } from "../src/ops/activation.ts";
import { add, type LayerInputs, type LayerShape, registerLayer, type Tensor } from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";
import { gptDropout } from "./dropout.ts";

export interface GptBigcodeConfig {
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** G: one, or as many as heads. */
  readonly keyValueHeads: number;
  readonly maxPositions: number;
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly layerNormEpsilon: number;
  /** Divide scores by √K. */
  readonly scaleScores: boolean;
  readonly tiedHead: boolean;
}

interface BlockOptions {
  readonly name: string;
  readonly layer: number;
  readonly config: GptBigcodeConfig;
  readonly weights?: Weights | undefined;
}

/** K */
const headWidth = ({ width, heads }: GptBigcodeConfig): number => width / heads;

/** Causal self-attention; the projection has the queries, the keys and the values of each group after another. */
export class GptBigcodeAttention extends TransformerLayer<BlockOptions> {
  static readonly className = "GptBigcodeAttention";
  readonly #qkv: Linear;
  readonly #output: Linear;

  constructor(options: BlockOptions) {
    super(options);
    const { name, config, weights } = options;
    const { width: D, keyValueHeads: G } = config;
    const outputs = D + 2 * G * headWidth(config);
    this.#qkv = this.child(new Linear({ name: `${name}.qkv`, inputs: D, outputs, weights }));
    this.#output = this.child(new Linear({ name: `${name}.output`, inputs: D, outputs: D, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: Pass = {}): Tensor {
    const { layer, config } = this.options;
    const heads = splitGroups(this.#qkv.call(inputs), config.heads, config.keyValueHeads);
    const scale = config.scaleScores ? 1 / Math.sqrt(headWidth(config)) : 1;
    return this.#output.call(attendCausally({ ...heads, layer, scale }, pass));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

/** x + attention(norm(x)), then x + feedForward(norm(x)). */
export class GptBigcodeBlock extends TransformerLayer<BlockOptions> {
  static readonly className = "GptBigcodeBlock";
  readonly #attentionNorm: LayerNorm;
  readonly #attention: GptBigcodeAttention;
  readonly #mlpNorm: LayerNorm;
  readonly #mlp: FeedForward;

  constructor(options: BlockOptions) {
    super(options);
    const { name, layer, config, weights } = options;
    const { width, feedForwardWidth, activation, layerNormEpsilon: epsilon } = config;
    this.#attentionNorm = this.child(new LayerNorm({ name: `${name}.attentionNorm`, width, epsilon, weights }));
    this.#attention = this.child(new GptBigcodeAttention({ name: `${name}.attention`, layer, config, weights }));
    this.#mlpNorm = this.child(new LayerNorm({ name: `${name}.mlpNorm`, width, epsilon, weights }));
    this.#mlp = this.child(new FeedForward({ name: `${name}.mlp`, width, feedForwardWidth, activation, weights }));
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

registerLayer(GptBigcodeAttention);
registerLayer(GptBigcodeBlock);

/** The model, its weights drawn from `weights`. */
function build(config: GptBigcodeConfig, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, width, layers, heads, maxPositions, layerNormEpsilon: epsilon } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const positions = new Embedding({ name: "positions", vocabSize: maxPositions, width, weights });
  const blocks = Array.from(
    { length: layers },
    (_, layer) => new GptBigcodeBlock({ name: `blocks.${layer}`, layer, config, weights }),
  );
  const finalNorm = new LayerNorm({ name: "finalNorm", width, epsilon, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, weights });
  const readout = readoutOf(finalNorm, head);
  const parts = [tokens, positions, ...blocks, finalNorm, ...head.layers];

  return {
    kind: "decoder-only",
    facts: {
      type: "gpt_bigcode",
      className: architecture.classNames[0],
      width,
      vocabSize,
      layers,
      heads,
      maxPositions,
    },
    layers: parts,
    readout,

    embed: (ids_BT) => tokens.call(ids_BT),

    forward(input: DecoderInput): Tensor {
      const x0 = add(input.embeddings_BTD, positions.call(positionIds(input, maxPositions)));
      const x = throughBlocks(x0, blocks, input.sites, (block, x) => block.call(x, input));
      return read(readout, x, input.targets_B);
    },

    dispose: () => disposeLayers(parts),
  };
}

/** Defaults: transformers' `GPTBigCodeConfig`. */
function readConfig(raw: JsonObject): GptBigcodeConfig {
  const { multiQuery, statedGroups, feedForwardWidth, ...read } = strictConfig(raw, {
    model: "gpt_bigcode",
    fields: {
      vocabSize: size("vocab_size", 50257),
      width: size(["n_embd", "hidden_size"], 768),
      layers: size(["n_layer", "num_hidden_layers"], 12),
      heads: size(["n_head", "num_attention_heads"], 12),
      multiQuery: flag("multi_query", true),
      statedGroups: orNull(size("num_key_value_heads")),
      maxPositions: size(["n_positions", "max_position_embeddings"], 1024),
      feedForwardWidth: orNull(size("n_inner")),
      activation: activation("activation_function", "gelu_new"),
      layerNormEpsilon: number("layer_norm_epsilon", 1e-5),
      scaleScores: flag("scale_attn_weights", true),
      tiedHead: flag("tie_word_embeddings", true),
    },
    // The head of other tasks; the order of operations in half precision, and how they are run.
    ignored: [
      "summary_*",
      "attention_softmax_in_fp32",
      "scale_attention_softmax_in_fp32",
      "inference_runner",
      "pad_key_length",
      "pre_allocate_kv_cache",
      "validate_runner_input",
      "max_batch_size",
      "max_sequence_length",
    ],
  });
  perHead("n_embd", read.width, "n_head", read.heads);
  const keyValueHeads = multiQuery ? 1 : read.heads;
  if (statedGroups !== null && statedGroups !== keyValueHeads) {
    throw new ConfigError(`num_key_value_heads: ${statedGroups} contradicts multi_query: ${multiQuery}`);
  }
  return { ...read, keyValueHeads, feedForwardWidth: feedForwardWidth ?? 4 * read.width };
}

function weightTable(config: GptBigcodeConfig): WeightTable {
  const { vocabSize: V, width: D, keyValueHeads: G, feedForwardWidth: F, maxPositions: P } = config;
  const block = "h.{i}";
  return {
    counts: { i: config.layers },
    prefixes: ["transformer."],
    rows: {
      "wte.weight": { to: "tokens.table", shape: [V, D], copies: config.tiedHead ? ["lm_head.weight"] : [] },
      "wpe.weight": { to: "positions.table", shape: [P, D] },
      ...normRows(`${block}.ln_1`, "blocks.{i}.attentionNorm", D),
      ...linearRows(`${block}.attn.c_attn`, "blocks.{i}.attention.qkv", D, D + 2 * G * headWidth(config)),
      ...linearRows(`${block}.attn.c_proj`, "blocks.{i}.attention.output", D, D),
      ...normRows(`${block}.ln_2`, "blocks.{i}.mlpNorm", D),
      ...linearRows(`${block}.mlp.c_fc`, "blocks.{i}.mlp.up", D, F),
      ...linearRows(`${block}.mlp.c_proj`, "blocks.{i}.mlp.down", F, D),
      ...normRows("ln_f", "finalNorm", D),
      ...(!config.tiedHead && linearRows("lm_head", "head", D, V, false)),
    },
    // The causal mask, which older checkpoints store.
    ignored: ["bias", `${block}.attn.bias`, `${block}.attn.masked_bias`],
  };
}

export const architecture: Architecture<GptBigcodeConfig> = {
  classNames: ["GPTBigCodeForCausalLM"],
  dropout: gptDropout(0.1),
  readConfig,
  weightTable,
  build,
};
