/**
 * GPT (Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training").
 *
 * Must match `OpenAIGPTLMHeadModel` of Hugging Face transformers. The forerunner of GPT-2: the same attention, but layer
 * normalisation after each part of a block, and none at the end.
 */

import type { JsonObject } from "../src/json.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { FeedForward } from "../src/layers/feedForward.ts";
import { disposeLayers, single, TransformerLayer } from "../src/layers/layer.ts";
import { LayerNorm } from "../src/layers/layerNorm.ts";
import { outputHead, read, readoutOf } from "../src/layers/outputHead.ts";
import type { Pass } from "../src/layers/pass.ts";
import { residual } from "../src/layers/residual.ts";
import { throughBlocks } from "../src/layers/throughBlocks.ts";
import type { Weights } from "../src/layers/weights.ts";
import { strictConfig } from "../src/model/config.ts";
import { choice, flag, number, size } from "../src/model/configField.ts";
import type { DecoderInput, DecoderOnlyModel } from "../src/model/model.ts";
import { positionIds } from "../src/model/positions.ts";
import { type SiteName, visit } from "../src/model/sites.ts";
import { perHead } from "../src/model/sizes.ts";
import { normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Activation } from "../src/ops/activation.ts";
import { add, type LayerInputs, type LayerShape, registerLayer, type Tensor } from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";
import { gptDropout } from "./dropout.ts";
import { Gpt2Attention } from "./gpt2.ts";

export interface OpenAiGptConfig {
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly maxPositions: number;
  readonly activation: Activation;
  readonly layerNormEpsilon: number;
  readonly tiedHead: boolean;
}

interface BlockOptions {
  readonly name: string;
  readonly layer: number;
  readonly config: OpenAiGptConfig;
  readonly weights?: Weights | undefined;
}

/** x = norm(x + attention(x)), then norm(x + feedForward(x)). */
export class OpenAiGptBlock extends TransformerLayer<BlockOptions> {
  static readonly className = "OpenAiGptBlock";
  readonly #attention: Gpt2Attention;
  readonly #attentionNorm: LayerNorm;
  readonly #mlp: FeedForward;
  readonly #mlpNorm: LayerNorm;

  constructor(options: BlockOptions) {
    super(options);
    const { name, layer, config, weights } = options;
    const { width, heads, activation, layerNormEpsilon: epsilon } = config;
    const attention = { width, heads, scaleScores: true, scaleByLayer: false };
    const mlp = { width, feedForwardWidth: 4 * width, activation };
    this.#attention = this.child(new Gpt2Attention({ name: `${name}.attention`, layer, config: attention, weights }));
    this.#attentionNorm = this.child(new LayerNorm({ name: `${name}.attentionNorm`, width, epsilon, weights }));
    this.#mlp = this.child(new FeedForward({ name: `${name}.mlp`, ...mlp, weights }));
    this.#mlpNorm = this.child(new LayerNorm({ name: `${name}.mlpNorm`, width, epsilon, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: Pass = {}): Tensor {
    const at = { stack: "decoder", attention: "self", layer: this.options.layer } as const;
    const x0 = visit(pass.sites, { ...at, name: "blockInput" }, single(inputs));
    const after = (name: SiteName) => ({ place: "after" as const, sites: pass.sites, site: { ...at, name } });
    const x1 = residual(x0, this.#attentionNorm, after("attentionOutput"), (x) => this.#attention.call(x, pass));
    const x2 = residual(x1, this.#mlpNorm, after("mlpOutput"), (x) => this.#mlp.call(x));
    return visit(pass.sites, { ...at, name: "blockOutput" }, x2);
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

registerLayer(OpenAiGptBlock);

/** The model, its weights drawn from `weights`. */
function build(config: OpenAiGptConfig, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, width, layers, heads, maxPositions } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const positions = new Embedding({ name: "positions", vocabSize: maxPositions, width, weights });
  const blocks = Array.from(
    { length: layers },
    (_, layer) => new OpenAiGptBlock({ name: `blocks.${layer}`, layer, config, weights }),
  );
  const head = outputHead({ tokens, tied: config.tiedHead, weights });
  const readout = readoutOf(undefined, head);
  const parts = [tokens, positions, ...blocks, ...head.layers];

  return {
    kind: "decoder-only",
    facts: {
      type: "openai-gpt",
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

/** The reference has a table of activations of its own, in which `gelu` is the tanh form. */
const activations = { relu: "relu", silu: "silu", swish: "silu", gelu: "gelu_new" } as const;

/** Defaults: transformers' `OpenAIGPTConfig`. */
function readConfig(raw: JsonObject): OpenAiGptConfig {
  const { activation, ...read } = strictConfig(raw, {
    model: "openai-gpt",
    fields: {
      vocabSize: size("vocab_size", 40478),
      width: size(["n_embd", "hidden_size"], 768),
      layers: size(["n_layer", "num_hidden_layers"], 12),
      heads: size(["n_head", "num_attention_heads"], 12),
      maxPositions: size(["n_positions", "max_position_embeddings"], 512),
      activation: choice("afn", ["relu", "silu", "swish", "gelu"], "gelu"),
      layerNormEpsilon: number("layer_norm_epsilon", 1e-5),
      tiedHead: flag("tie_word_embeddings", true),
    },
    // The attention window of OpenAI's release, the head of other tasks, and the number of tokens beside the words.
    ignored: ["n_ctx", "n_special", "predict_special_tokens", "summary_*"],
  });
  perHead("n_embd", read.width, "n_head", read.heads);
  return { ...read, activation: activations[activation] };
}

/** The linear maps are stored [in, out], as ours are. */
function weightTable(config: OpenAiGptConfig): WeightTable {
  const { vocabSize: V, width: D, maxPositions: P } = config;
  const linear = (from: string, to: string, inputs: number, outputs: number): WeightTable["rows"] => ({
    [`${from}.weight`]: { to: `${to}.kernel`, shape: [inputs, outputs] },
    [`${from}.bias`]: { to: `${to}.bias`, shape: [outputs] },
  });
  const block = "h.{i}";
  return {
    counts: { i: config.layers },
    prefixes: ["transformer."],
    rows: {
      "tokens_embed.weight": { to: "tokens.table", shape: [V, D], copies: config.tiedHead ? ["lm_head.weight"] : [] },
      "positions_embed.weight": { to: "positions.table", shape: [P, D] },
      ...linear(`${block}.attn.c_attn`, "blocks.{i}.attention.qkv", D, 3 * D),
      ...linear(`${block}.attn.c_proj`, "blocks.{i}.attention.output", D, D),
      ...normRows(`${block}.ln_1`, "blocks.{i}.attentionNorm", D),
      ...linear(`${block}.mlp.c_fc`, "blocks.{i}.mlp.up", D, 4 * D),
      ...linear(`${block}.mlp.c_proj`, "blocks.{i}.mlp.down", 4 * D, D),
      ...normRows(`${block}.ln_2`, "blocks.{i}.mlpNorm", D),
      ...(!config.tiedHead && { "lm_head.weight": { to: "head.kernel", shape: [V, D], transpose: true } }),
    },
    // The causal mask and the positions' ids, which older checkpoints store.
    ignored: [`${block}.attn.bias`, "position_ids"],
  };
}

export const architecture: Architecture<OpenAiGptConfig> = {
  classNames: ["OpenAIGPTLMHeadModel"],
  dropout: gptDropout(0.1),
  readConfig,
  weightTable,
  build,
};
