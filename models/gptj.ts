/**
 * GPT-J (Wang and Komatsuzaki 2021, "GPT-J-6B") and CodeGen (Nijkamp et al. 2022, arXiv 2203.13474).
 *
 * Must match `GPTJForCausalLM` and `CodeGenForCausalLM` of Hugging Face transformers. Compared with GPT-2: attention and
 * feed-forward part read the same normalised input and are added together, positions are rotations of the first widths
 * of each head (pairs side by side), attention has no biases, and the output head has one. CodeGen differs in how its
 * query, key and value projection is stored: fused, in the order q, v, k, for four accelerators one after another.
 */

import { dims } from "../src/dims.ts";
import { ConfigError } from "../src/errors.ts";
import type { JsonObject } from "../src/json.ts";
import { attendCausally, splitHeads } from "../src/layers/attend.ts";
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
import { visit } from "../src/model/sites.ts";
import { perHead } from "../src/model/sizes.ts";
import { linearRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Activation } from "../src/ops/activation.ts";
import { rotary } from "../src/ops/rotary.ts";
import { type RotaryConfig, rotation } from "../src/ops/rotaryFrequencies.ts";
import { add, type LayerInputs, type LayerShape, registerLayer, reshape, split, type Tensor } from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";
import { gptDropout } from "./dropout.ts";

type ModelType = "gptj" | "codegen";

export interface GptJConfig {
  readonly type: ModelType;
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly maxPositions: number;
  /** Its head width is the part of a head that is turned. */
  readonly rotary: RotaryConfig;
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly layerNormEpsilon: number;
  readonly tiedHead: boolean;
}

/** The accelerators for which CodeGen's fused projection is laid out. */
const CODEGEN_SLICES = 4;

interface BlockOptions {
  readonly name: string;
  readonly layer: number;
  readonly config: GptJConfig;
  readonly weights?: Weights | undefined;
}

/** Causal self-attention with rotated queries and keys, without biases. */
export class GptJAttention extends TransformerLayer<BlockOptions> {
  static readonly className = "GptJAttention";
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
  override call(inputs: LayerInputs, pass: RotaryPass = {}): Tensor {
    const { layer, config } = this.options;
    const x_BTD = single(inputs);
    const { cos_BTC, sin_BTC } = presentRotation(config.rotary, x_BTD, pass);
    const fused = this.#qkv.call(x_BTD);
    const { query, key, value } = config.type === "codegen" ? sliced(fused) : contiguous(fused);
    const query_BHTK = rotary(splitHeads(query, config.heads), cos_BTC, sin_BTC, { interleaved: true });
    const key_BGTK = rotary(splitHeads(key, config.heads), cos_BTC, sin_BTC, { interleaved: true });
    const value_BGTK = splitHeads(value, config.heads);
    const scale = 1 / Math.sqrt(config.width / config.heads);
    return this.#output.call(attendCausally({ query_BHTK, key_BGTK, value_BGTK, layer, scale }, pass));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

interface Projections {
  readonly query: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
}

/** [B, T, 3 D] as q, k, v, each [B, T, D]. */
function contiguous(fused: Tensor): Projections {
  const [query, key, value] = split(fused, 3, 2) as [Tensor, Tensor, Tensor];
  return { query, key, value };
}

/** [B, T, 3 D] in slices, each of which has its share of q, v, k. */
function sliced(fused: Tensor): Projections {
  const { B, T, E } = dims("CodeGen's projection", fused, "B T E");
  const slices = reshape(fused, [B, T, CODEGEN_SLICES, E / CODEGEN_SLICES]);
  const [query, value, key] = split(slices, 3, 3).map((x) => reshape(x, [B, T, E / 3])) as [Tensor, Tensor, Tensor];
  return { query, key, value };
}

/** x + attention(norm(x)) + feedForward(norm(x)). */
export class GptJBlock extends TransformerLayer<BlockOptions> {
  static readonly className = "GptJBlock";
  readonly #norm: LayerNorm;
  readonly #attention: GptJAttention;
  readonly #mlp: FeedForward;

  constructor(options: BlockOptions) {
    super(options);
    const { name, layer, config, weights } = options;
    const { width, layerNormEpsilon: epsilon } = config;
    this.#norm = this.child(new LayerNorm({ name: `${name}.norm`, width, epsilon, weights }));
    this.#attention = this.child(new GptJAttention({ name: `${name}.attention`, layer, config, weights }));
    const { feedForwardWidth, activation } = config;
    this.#mlp = this.child(new FeedForward({ name: `${name}.mlp`, width, feedForwardWidth, activation, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: RotaryPass = {}): Tensor {
    const at = { stack: "decoder", attention: "self", layer: this.options.layer } as const;
    const x = visit(pass.sites, { ...at, name: "blockInput" }, single(inputs));
    const normalized = this.#norm.call(x);
    const attended = visit(pass.sites, { ...at, name: "attentionOutput" }, this.#attention.call(normalized, pass));
    const mlp = visit(pass.sites, { ...at, name: "mlpOutput" }, this.#mlp.call(normalized));
    return visit(pass.sites, { ...at, name: "blockOutput" }, add(x, add(attended, mlp)));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

registerLayer(GptJAttention);
registerLayer(GptJBlock);

/** The model, its weights drawn from `weights`. */
function build(config: GptJConfig, weights?: Weights): DecoderOnlyModel {
  const { type, vocabSize, width, layers, heads, maxPositions, layerNormEpsilon: epsilon } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const blocks = Array.from(
    { length: layers },
    (_, layer) => new GptJBlock({ name: `blocks.${layer}`, layer, config, weights }),
  );
  const finalNorm = new LayerNorm({ name: "finalNorm", width, epsilon, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, bias: true, weights });
  const readout = readoutOf(finalNorm, head);
  const parts = [tokens, ...blocks, finalNorm, ...head.layers];

  return {
    kind: "decoder-only",
    facts: { type, className: classNames[type], width, vocabSize, layers, heads, maxPositions },
    layers: parts,
    readout,

    embed: (ids_BT) => tokens.call(ids_BT),

    forward(input: DecoderInput): Tensor {
      const pass = { ...input, rotation: rotation(config.rotary, positionIds(input, maxPositions)) };
      const x = throughBlocks(input.embeddings_BTD, blocks, input.sites, (block, x) => block.call(x, pass));
      return read(readout, x, input.targets_B);
    },

    dispose: () => disposeLayers(parts),
  };
}

const classNames = { gptj: "GPTJForCausalLM", codegen: "CodeGenForCausalLM" } as const;

/** Defaults: transformers' `GPTJConfig` and `CodeGenConfig`, which are the same. */
function readConfig(type: ModelType, raw: JsonObject): GptJConfig {
  const { rotaryWidth, feedForwardWidth, ...read } = strictConfig(raw, {
    model: type,
    fields: {
      vocabSize: size("vocab_size", 50400),
      width: size(["n_embd", "hidden_size"], 4096),
      layers: size(["n_layer", "num_hidden_layers"], 28),
      heads: size(["n_head", "num_attention_heads"], 16),
      maxPositions: size(["n_positions", "max_position_embeddings"], 2048),
      rotaryWidth: size("rotary_dim", 64),
      feedForwardWidth: orNull(size("n_inner")),
      activation: activation("activation_function", "gelu_new"),
      layerNormEpsilon: number("layer_norm_epsilon", 1e-5),
      tiedHead: flag("tie_word_embeddings", false),
    },
    // The attention window of the first releases, and the head of other tasks.
    ignored: ["n_ctx", "summary_*"],
    // What the first releases say, and the reference does not read.
    onlyIf: { rotary: [true], scale_attn_weights: [true] },
  });
  const K = perHead("n_embd", read.width, "n_head", read.heads);
  if (rotaryWidth > K || rotaryWidth % 2 !== 0) {
    throw new ConfigError(`rotary_dim: expected an even number up to n_embd / n_head = ${K}, received ${rotaryWidth}`);
  }
  if (type === "codegen") perHead("n_head", read.heads, "the slices of a fused projection", CODEGEN_SLICES);
  return {
    type,
    ...read,
    rotary: { headWidth: rotaryWidth, theta: 10000, scaling: { type: "default" } },
    feedForwardWidth: feedForwardWidth ?? 4 * read.width,
  };
}

function weightTable(config: GptJConfig): WeightTable {
  const { type, vocabSize: V, width: D, feedForwardWidth: F } = config;
  const [block, qkv] = ["h.{i}", "blocks.{i}.attention.qkv"];
  return {
    counts: { i: config.layers },
    prefixes: ["transformer."],
    rows: {
      "wte.weight": { to: "tokens.table", shape: [V, D], copies: config.tiedHead ? ["lm_head.weight"] : [] },
      ...normRows(`${block}.ln_1`, "blocks.{i}.norm", D),
      ...(type === "codegen"
        ? linearRows(`${block}.attn.qkv_proj`, qkv, D, 3 * D, false)
        : {
            ...linearRows(`${block}.attn.q_proj`, qkv, D, D, false),
            ...linearRows(`${block}.attn.k_proj`, qkv, D, D, false),
            ...linearRows(`${block}.attn.v_proj`, qkv, D, D, false),
          }),
      ...linearRows(`${block}.attn.out_proj`, "blocks.{i}.attention.output", D, D, false),
      ...linearRows(`${block}.mlp.fc_in`, "blocks.{i}.mlp.up", D, F),
      ...linearRows(`${block}.mlp.fc_out`, "blocks.{i}.mlp.down", F, D),
      ...normRows("ln_f", "finalNorm", D),
      ...(!config.tiedHead && { "lm_head.weight": { to: "head.kernel", shape: [V, D], transpose: true } }),
      "lm_head.bias": { to: "head.bias", shape: [V] },
    },
    // The causal mask and the table of angles, which older checkpoints store.
    ignored: [
      `${block}.attn.bias`,
      `${block}.attn.masked_bias`,
      `${block}.attn.causal_mask`,
      `${block}.attn.embed_positions`,
    ],
  };
}

export const gptj: Architecture<GptJConfig> = {
  classNames: [classNames.gptj],
  dropout: gptDropout(0),
  readConfig: (raw) => readConfig("gptj", raw),
  weightTable,
  build,
};

export const codegen: Architecture<GptJConfig> = {
  classNames: [classNames.codegen],
  dropout: gptDropout(0),
  readConfig: (raw) => readConfig("codegen", raw),
  weightTable,
  build,
};
