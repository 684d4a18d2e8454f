/**
 * GPT-NeoX (Black et al. 2022, arXiv 2204.06745), Pythia (Biderman et al. 2023, arXiv 2304.01373) and their relatives.
 *
 * Must match `GPTNeoXForCausalLM` of Hugging Face transformers. Compared with GPT-2: rotary positions on a part of each
 * head, attention and feed-forward part side by side (each with a normalisation of its own) unless told otherwise, the
 * fused projection laid out head by head, and usually an output head of its own. Compared with GPT-J: biases in
 * attention, none in the head, and pairs of widths as halves.
 */

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
import { positionIds } from "../src/model/positions.ts";
import { readRotary, rotaryFields } from "../src/model/rotaryConfig.ts";
import { visit } from "../src/model/sites.ts";
import { perHead } from "../src/model/sizes.ts";
import { linearRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Activation } from "../src/ops/activation.ts";
import { rotary } from "../src/ops/rotary.ts";
import { dependsOnLength, type RotaryConfig, rotation } from "../src/ops/rotaryFrequencies.ts";
import { add, type LayerInputs, type LayerShape, registerLayer, type Tensor } from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";
import { hiddenDropout } from "./dropout.ts";

export interface GptNeoxConfig {
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Its head width is the part of a head that is turned. */
  readonly rotary: RotaryConfig;
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly layerNormEpsilon: number;
  readonly attentionBias: boolean;
  /** x + attention(norm₁(x)) + feedForward(norm₂(x)), instead of one after the other. */
  readonly parallel: boolean;
  readonly tiedHead: boolean;
}

interface BlockOptions {
  readonly name: string;
  readonly layer: number;
  readonly config: GptNeoxConfig;
  readonly weights?: Weights | undefined;
}

/** Causal self-attention with partly rotated queries and keys. */
export class GptNeoxAttention extends TransformerLayer<BlockOptions> {
  static readonly className = "GptNeoxAttention";
  readonly #qkv: Linear;
  readonly #output: Linear;

  constructor(options: BlockOptions) {
    super(options);
    const { name, config, weights } = options;
    const { width: D, attentionBias: bias } = config;
    this.#qkv = this.child(new Linear({ name: `${name}.qkv`, inputs: D, outputs: 3 * D, bias, weights }));
    this.#output = this.child(new Linear({ name: `${name}.output`, inputs: D, outputs: D, bias, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: RotaryPass = {}): Tensor {
    const { layer, config } = this.options;
    const x_BTD = single(inputs);
    const { cos_BTC, sin_BTC } = presentRotation(config.rotary, x_BTD, pass);
    const heads = splitGroups(this.#qkv.call(x_BTD), config.heads, config.heads);
    const query_BHTK = rotary(heads.query_BHTK, cos_BTC, sin_BTC);
    const key_BGTK = rotary(heads.key_BGTK, cos_BTC, sin_BTC);
    const scale = 1 / Math.sqrt(config.width / config.heads);
    return this.#output.call(attendCausally({ ...heads, query_BHTK, key_BGTK, layer, scale }, pass));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

/** Attention and feed-forward part, side by side or one after the other. */
export class GptNeoxBlock extends TransformerLayer<BlockOptions> {
  static readonly className = "GptNeoxBlock";
  readonly #attentionNorm: LayerNorm;
  readonly #attention: GptNeoxAttention;
  readonly #mlpNorm: LayerNorm;
  readonly #mlp: FeedForward;

  constructor(options: BlockOptions) {
    super(options);
    const { name, layer, config, weights } = options;
    const { width, feedForwardWidth, activation, layerNormEpsilon: epsilon } = config;
    this.#attentionNorm = this.child(new LayerNorm({ name: `${name}.attentionNorm`, width, epsilon, weights }));
    this.#attention = this.child(new GptNeoxAttention({ name: `${name}.attention`, layer, config, weights }));
    this.#mlpNorm = this.child(new LayerNorm({ name: `${name}.mlpNorm`, width, epsilon, weights }));
    this.#mlp = this.child(new FeedForward({ name: `${name}.mlp`, width, feedForwardWidth, activation, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: RotaryPass = {}): Tensor {
    const { layer, config } = this.options;
    const at = { stack: "decoder", attention: "self", layer } as const;
    const x0 = visit(pass.sites, { ...at, name: "blockInput" }, single(inputs));
    const attended = this.#attention.call(this.#attentionNorm.call(x0), pass);
    const x1 = add(x0, visit(pass.sites, { ...at, name: "attentionOutput" }, attended));
    const mlp = this.#mlp.call(this.#mlpNorm.call(config.parallel ? x0 : x1));
    const x2 = add(x1, visit(pass.sites, { ...at, name: "mlpOutput" }, mlp));
    return visit(pass.sites, { ...at, name: "blockOutput" }, x2);
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

registerLayer(GptNeoxAttention);
registerLayer(GptNeoxBlock);

/** The model, its weights drawn from `weights`. */
function build(config: GptNeoxConfig, weights?: Weights): DecoderOnlyModel {
  const { vocabSize, width, layers, heads, layerNormEpsilon: epsilon } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const blocks = Array.from(
    { length: layers },
    (_, layer) => new GptNeoxBlock({ name: `blocks.${layer}`, layer, config, weights }),
  );
  const finalNorm = new LayerNorm({ name: "finalNorm", width, epsilon, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, weights });
  const readout = readoutOf(finalNorm, head);
  const parts = [tokens, ...blocks, finalNorm, ...head.layers];

  return {
    kind: "decoder-only",
    facts: {
      type: "gpt_neox",
      className: architecture.classNames[0],
      width,
      vocabSize,
      layers,
      heads,
      maxPositions: Number.POSITIVE_INFINITY,
      dependsOnLength: dependsOnLength(config.rotary),
    },
    layers: parts,
    readout,

    embed: (ids_BT) => tokens.call(ids_BT),

    forward(input: DecoderInput): Tensor {
      const pass = { ...input, rotation: rotation(config.rotary, positionIds(input)) };
      const x = throughBlocks(input.embeddings_BTD, blocks, input.sites, (block, x) => block.call(x, pass));
      return read(readout, x, input.targets_B);
    },

    dispose: () => disposeLayers(parts),
  };
}

/** Defaults: transformers' `GPTNeoXConfig`. */
function readConfig(raw: JsonObject): GptNeoxConfig {
  const { maxPositions, rotaryShare, ropeTheta, ropeScaling, ropeParameters, originalMaxPositions, ...read } =
    strictConfig(raw, {
      model: "gpt_neox",
      fields: {
        vocabSize: size("vocab_size", 50432),
        width: size("hidden_size", 6144),
        layers: size("num_hidden_layers", 44),
        heads: size("num_attention_heads", 64),
        feedForwardWidth: size("intermediate_size", 24576),
        activation: activation("hidden_act", "gelu"),
        maxPositions: size("max_position_embeddings", 2048),
        layerNormEpsilon: number("layer_norm_eps", 1e-5),
        attentionBias: flag("attention_bias", true),
        parallel: flag("use_parallel_residual", true),
        tiedHead: flag("tie_word_embeddings", false),
        rotaryShare: orNull(number("rotary_pct")),
        ...rotaryFields,
        ropeTheta: orNull(number(["rotary_emb_base", "rope_theta"])),
      },
      // It is a decoder whatever this says.
      onlyIf: { is_decoder: [false, true] },
    });
  const headWidth = perHead("hidden_size", read.width, "num_attention_heads", read.heads);
  const partial = { factor: rotaryShare, published: 0.25 };
  const rotary = { ropeTheta, ropeScaling, ropeParameters, originalMaxPositions, maxPositions, headWidth, partial };
  return { ...read, rotary: readRotary("gpt_neox", rotary) };
}

function weightTable(config: GptNeoxConfig): WeightTable {
  const { vocabSize: V, width: D, feedForwardWidth: F, attentionBias } = config;
  const block = "layers.{i}";
  const headNames = ["embed_out.weight", "lm_head.weight"] as const;
  return {
    counts: { i: config.layers },
    prefixes: ["gpt_neox."],
    rows: {
      "embed_in.weight": { to: "tokens.table", shape: [V, D], copies: config.tiedHead ? headNames : [] },
      ...normRows(`${block}.input_layernorm`, "blocks.{i}.attentionNorm", D),
      ...linearRows(`${block}.attention.query_key_value`, "blocks.{i}.attention.qkv", D, 3 * D, attentionBias),
      ...linearRows(`${block}.attention.dense`, "blocks.{i}.attention.output", D, D, attentionBias),
      ...normRows(`${block}.post_attention_layernorm`, "blocks.{i}.mlpNorm", D),
      ...linearRows(`${block}.mlp.dense_h_to_4h`, "blocks.{i}.mlp.up", D, F),
      ...linearRows(`${block}.mlp.dense_4h_to_h`, "blocks.{i}.mlp.down", F, D),
      ...normRows("final_layer_norm", "finalNorm", D),
      ...(!config.tiedHead && {
        [headNames[0]]: { to: "head.kernel", shape: [V, D], transpose: true, copies: [headNames[1]] },
      }),
    },
    // The causal mask and the frequencies, which older checkpoints store.
    ignored: [`${block}.attention.bias`, `${block}.attention.masked_bias`, `${block}.attention.rotary_emb.inv_freq`],
  };
}

export const architecture: Architecture<GptNeoxConfig> = {
  classNames: ["GPTNeoXForCausalLM"],
  dropout: { ...hiddenDropout, embedding: ["hidden_dropout", 0] },
  readConfig,
  weightTable,
  build,
};
