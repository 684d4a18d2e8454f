/**
 * T5 1.0, T5 1.1 and Flan-T5 (Raffel et al. 2020, arXiv 1910.10683; Chung et al. 2022, arXiv 2210.11416) and mT5 (Xue et
 * al. 2021, arXiv 2010.11934).
 *
 * Must match `T5ForConditionalGeneration` and `MT5ForConditionalGeneration` of Hugging Face transformers. An
 * encoder-decoder without absolute positions: a bias per head and distance is added to the scores of self-attention, one
 * table for all layers of a stack. RMS normalisation before each part of a block and at the end, no biases, and scores
 * that are not divided by √K. Version 1.0 has a ReLU feed-forward part and the embedding table as output head, before
 * which states are multiplied by 1/√D; 1.1 and mT5 have a gated GELU and a head of their own. Compared with Marian:
 * relative positions, norms before the parts, unscaled embeddings.
 *
 * (Longer than its neighbours because encoder and decoder are told separately, and two model types share the file.)
 */

import { ConfigError } from "../src/errors.ts";
import type { JsonObject } from "../src/json.ts";
import { attend, splitHeads } from "../src/layers/attend.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { disposeLayers, pair, single, TransformerLayer } from "../src/layers/layer.ts";
import { Linear } from "../src/layers/linear.ts";
import type { CrossPass, Pass } from "../src/layers/pass.ts";
import { RelativePositions } from "../src/layers/relativePositions.ts";
import { RmsNorm } from "../src/layers/rmsNorm.ts";
import type { Weights } from "../src/layers/weights.ts";
import { type ConfigSpec, strictConfig } from "../src/model/config.ts";
import { flag, number, orNull, size, text } from "../src/model/configField.ts";
import type { DecoderInput, EncoderDecoderModel, EncoderInput, EncoderStates } from "../src/model/model.ts";
import { type Site, visit } from "../src/model/sites.ts";
import type { WeightTable } from "../src/model/weights.ts";
import { type Activation, activate, activationNames, gatedUnit } from "../src/ops/activation.ts";
import { select } from "../src/ops/select.ts";
import { add, type LayerInputs, type LayerShape, mul, registerLayer, scalar, type Tensor } from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";

export interface T5Config {
  readonly type: "t5" | "mt5";
  readonly vocabSize: number;
  readonly width: number;
  readonly heads: number;
  /** K; need not be width / heads. */
  readonly headWidth: number;
  readonly feedForwardWidth: number;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly activation: Activation;
  /** φ(gate(x)) · up(x) instead of φ(up(x)). */
  readonly gated: boolean;
  readonly normEpsilon: number;
  readonly buckets: number;
  readonly maxDistance: number;
  readonly tiedHead: boolean;
  /** Multiply the decoder's states by 1/√D before the head. */
  readonly scaleOutput: boolean;
}

interface AttentionOptions {
  readonly name: string;
  readonly config: T5Config;
  readonly at: Omit<Site, "name">;
  readonly weights?: Weights | undefined;
}

interface BiasedPass {
  /** Added to the scores of self-attention, [1, H, T, S]; by default nothing. */
  readonly bias?: Tensor | undefined;
}

/** Attention of the encoder, causal self-attention of the decoder, or attention from decoder to encoder. */
export class T5Attention extends TransformerLayer<AttentionOptions> {
  static readonly className = "T5Attention";
  readonly #query: Linear;
  readonly #key: Linear;
  readonly #value: Linear;
  readonly #output: Linear;

  constructor(options: AttentionOptions) {
    super(options);
    const { name, config, weights } = options;
    const [D, HK] = [config.width, config.heads * config.headWidth];
    const projection = (of: string, inputs: number, outputs: number) =>
      this.child(new Linear({ name: `${name}.${of}`, inputs, outputs, bias: false, weights }));
    this.#query = projection("query", D, HK);
    this.#key = projection("key", D, HK);
    this.#value = projection("value", D, HK);
    this.#output = projection("output", HK, D);
  }

  /** Queries' states [B, T, D] and, in cross-attention, keys' states [B, S, D] → [B, T, D]. The mask is that of the keys. */
  override call(inputs: LayerInputs, { mask_BS, cache, sites, bias }: Pass & BiasedPass = {}): Tensor {
    const { at, config } = this.options;
    const [x_BTD, states] = at.attention === "cross" ? pair(inputs) : [single(inputs), single(inputs)];
    const project = () => ({
      key: splitHeads(this.#key.call(states), config.heads),
      value: splitHeads(this.#value.call(states), config.heads),
    });
    const append = () => {
      const { key, value } = project();
      return cache?.append(at.layer, key, value) ?? { key, value };
    };
    const { key, value } = at.attention === "self" ? append() : (cache?.cross(at.layer, project) ?? project());
    const query_BHTK = splitHeads(this.#query.call(x_BTD), config.heads);
    const causal = at.stack === "decoder" && at.attention === "self";
    const options = { scale: 1, causal, bias, mask_BS, sites, at };
    return this.#output.call(attend({ query_BHTK, key_BGSK: key, value_BGSK: value, ...options }));
  }

  override computeOutputShape(shape: LayerShape | LayerShape[]): LayerShape | LayerShape[] {
    return this.options.at.attention === "cross" ? (shape as LayerShape[]).slice(0, 1) : shape;
  }
}

interface PartOptions {
  readonly name: string;
  readonly config: T5Config;
  readonly weights?: Weights | undefined;
}

/** down(φ(up(x))), or down(φ(gate(x)) · up(x)). */
export class T5FeedForward extends TransformerLayer<PartOptions> {
  static readonly className = "T5FeedForward";
  readonly #gate: Linear | undefined;
  readonly #up: Linear;
  readonly #down: Linear;

  constructor(options: PartOptions) {
    super(options);
    const { name, config, weights } = options;
    const { width: D, feedForwardWidth: F } = config;
    const linear = (of: string, inputs: number, outputs: number) =>
      this.child(new Linear({ name: `${name}.${of}`, inputs, outputs, bias: false, weights }));
    this.#gate = config.gated ? linear("gate", D, F) : undefined;
    this.#up = linear("up", D, F);
    this.#down = linear("down", F, D);
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs): Tensor {
    const { activation } = this.options.config;
    const up = this.#up.call(inputs);
    const inner = this.#gate ? gatedUnit(this.#gate.call(inputs), up, activation) : activate(up, activation);
    return this.#down.call(inner);
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

interface BlockOptions extends PartOptions {
  readonly layer: number;
}

/** x + attention(norm(x)), then x + feedForward(norm(x)). */
export class T5EncoderBlock extends TransformerLayer<BlockOptions> {
  static readonly className = "T5EncoderBlock";
  readonly #attentionNorm: RmsNorm;
  readonly #attention: T5Attention;
  readonly #mlpNorm: RmsNorm;
  readonly #mlp: T5FeedForward;

  constructor(options: BlockOptions) {
    super(options);
    const { name, layer, config, weights } = options;
    const at = { stack: "encoder", attention: "self", layer } as const;
    this.#attentionNorm = this.child(norm(`${name}.attentionNorm`, config, weights));
    this.#attention = this.child(new T5Attention({ name: `${name}.attention`, config, at, weights }));
    this.#mlpNorm = this.child(norm(`${name}.mlpNorm`, config, weights));
    this.#mlp = this.child(new T5FeedForward({ name: `${name}.mlp`, config, weights }));
  }

  /** [B, S, D] → [B, S, D] */
  override call(inputs: LayerInputs, pass: Pass & BiasedPass = {}): Tensor {
    const at = { stack: "encoder", attention: "self", layer: this.options.layer } as const;
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

/** As the encoder's, with attention to the encoder's states between the two parts. */
export class T5DecoderBlock extends TransformerLayer<BlockOptions> {
  static readonly className = "T5DecoderBlock";
  readonly #attentionNorm: RmsNorm;
  readonly #attention: T5Attention;
  readonly #crossNorm: RmsNorm;
  readonly #cross: T5Attention;
  readonly #mlpNorm: RmsNorm;
  readonly #mlp: T5FeedForward;

  constructor(options: BlockOptions) {
    super(options);
    const { name, layer, config, weights } = options;
    const attention = (of: string, kind: "self" | "cross") => {
      const at = { stack: "decoder", attention: kind, layer } as const;
      return this.child(new T5Attention({ name: `${name}.${of}`, config, at, weights }));
    };
    this.#attentionNorm = this.child(norm(`${name}.attentionNorm`, config, weights));
    this.#attention = attention("attention", "self");
    this.#crossNorm = this.child(norm(`${name}.crossNorm`, config, weights));
    this.#cross = attention("crossAttention", "cross");
    this.#mlpNorm = this.child(norm(`${name}.mlpNorm`, config, weights));
    this.#mlp = this.child(new T5FeedForward({ name: `${name}.mlp`, config, weights }));
  }

  /** The target's states [B, T, D] and the encoder's [B, S, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: CrossPass & BiasedPass = {}): Tensor {
    const at = { stack: "decoder", attention: "self", layer: this.options.layer } as const;
    const [input, states_BSD] = pair(inputs);
    const x0 = visit(pass.sites, { ...at, name: "blockInput" }, input);
    const attended = this.#attention.call(this.#attentionNorm.call(x0), pass);
    const x1 = add(x0, visit(pass.sites, { ...at, name: "attentionOutput" }, attended));
    const crossPass = { ...pass, mask_BS: pass.sourceMask_BS, bias: undefined };
    const crossed = this.#cross.call([this.#crossNorm.call(x1), states_BSD], crossPass);
    const x2 = add(x1, visit(pass.sites, { ...at, attention: "cross", name: "attentionOutput" }, crossed));
    const mlp = this.#mlp.call(this.#mlpNorm.call(x2));
    const x3 = add(x2, visit(pass.sites, { ...at, name: "mlpOutput" }, mlp));
    return visit(pass.sites, { ...at, name: "blockOutput" }, x3);
  }

  override computeOutputShape(shapes: LayerShape[]): LayerShape[] {
    return shapes.slice(0, 1);
  }
}

function norm(name: string, { width, normEpsilon: epsilon }: T5Config, weights: Weights | undefined): RmsNorm {
  return new RmsNorm({ name, width, epsilon, weights });
}

registerLayer(T5Attention);
registerLayer(T5FeedForward);
registerLayer(T5EncoderBlock);
registerLayer(T5DecoderBlock);

/** The model, its weights drawn from `weights`. */
function build(config: T5Config, weights?: Weights): EncoderDecoderModel {
  const { type, vocabSize, width, heads, buckets, maxDistance, encoderLayers, decoderLayers } = config;
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const relative = (stack: "encoder" | "decoder") => {
    const bidirectional = stack === "encoder";
    const name = `${stack}.relativePositions`;
    return new RelativePositions({ name, heads, buckets, maxDistance, bidirectional, weights });
  };
  const encoderPositions = relative("encoder");
  const encoderBlocks = Array.from(
    { length: encoderLayers },
    (_, layer) => new T5EncoderBlock({ name: `encoder.blocks.${layer}`, layer, config, weights }),
  );
  const encoderNorm = norm("encoder.finalNorm", config, weights);
  const decoderPositions = relative("decoder");
  const decoderBlocks = Array.from(
    { length: decoderLayers },
    (_, layer) => new T5DecoderBlock({ name: `decoder.blocks.${layer}`, layer, config, weights }),
  );
  const decoderNorm = norm("decoder.finalNorm", config, weights);
  const head = config.tiedHead
    ? undefined
    : new Linear({ name: "head", inputs: width, outputs: vocabSize, bias: false, weights });
  const maxPositions = Number.POSITIVE_INFINITY;
  const encoder = [encoderPositions, ...encoderBlocks, encoderNorm];
  const decoder = [decoderPositions, ...decoderBlocks, decoderNorm];
  const parts = [tokens, ...encoder, ...decoder, ...(head ? [head] : [])];

  return {
    kind: "encoder-decoder",
    facts: { type, className: classNames[type], width, vocabSize, layers: decoderLayers, heads, maxPositions },
    layers: parts,

    embedSource: (ids_BS) => tokens.call(ids_BS),
    embedTarget: (ids_BT) => tokens.call(ids_BT),

    encode({ embeddings_BSD, mask_BS, sites }: EncoderInput): EncoderStates {
      const S = embeddings_BSD.shape[1] ?? 0;
      const bias = encoderPositions.bias(S, S);
      let x = embeddings_BSD;
      for (const block of encoderBlocks) x = block.call(x, { mask_BS, sites, bias });
      return { states_BSD: encoderNorm.call(x), mask_BS };
    },

    decode(input: DecoderInput, { states_BSD, mask_BS }: EncoderStates): Tensor {
      // Distances between places in the row are all that counts, so positions that the caller gives change nothing.
      const T = input.embeddings_BTD.shape[1] ?? 0;
      const bias = decoderPositions.bias(T, T + (input.cache?.length ?? 0));
      const pass = { ...input, bias, sourceMask_BS: mask_BS };
      let x = input.embeddings_BTD;
      for (const block of decoderBlocks) x = block.call([x, states_BSD], pass);
      const read = input.targets_B === undefined ? x : select(x, input.targets_B);
      const normalized = decoderNorm.call(read);
      const scaled = config.scaleOutput ? mul(normalized, scalar(1 / Math.sqrt(width))) : normalized;
      return head?.call(scaled) ?? tokens.logits(scaled);
    },

    dispose: () => disposeLayers(parts),
  };
}

const classNames = { t5: "T5ForConditionalGeneration", mt5: "MT5ForConditionalGeneration" } as const;

/** Where the two model types have different defaults: transformers' `T5Config` and `MT5Config`. */
const defaults = {
  t5: { vocabSize: 32128, width: 512, headWidth: 64, feedForward: 2048, layers: 6, heads: 8, activation: "relu" },
  mt5: {
    vocabSize: 250112,
    width: 512,
    headWidth: 64,
    feedForward: 1024,
    layers: 8,
    heads: 6,
    activation: "gated-gelu",
  },
} as const;

function readConfig(type: "t5" | "mt5", raw: JsonObject, tensors: readonly string[] = []): T5Config {
  const otherwise = defaults[type];
  const spec = {
    model: type,
    fields: {
      vocabSize: size("vocab_size", otherwise.vocabSize),
      width: size(["d_model", "hidden_size"], otherwise.width),
      headWidth: size(["d_kv", "head_dim"], otherwise.headWidth),
      feedForwardWidth: size("d_ff", otherwise.feedForward),
      encoderLayers: size(["num_layers", "num_hidden_layers"], otherwise.layers),
      decoderLayers: orNull(size("num_decoder_layers")),
      heads: size(["num_heads", "num_attention_heads"], otherwise.heads),
      feedForward: text("feed_forward_proj", otherwise.activation),
      activation: orNull(text("dense_act_fn")),
      gated: orNull(flag("is_gated_act")),
      normEpsilon: number("layer_norm_epsilon", 1e-6),
      buckets: size("relative_attention_num_buckets", 32),
      maxDistance: size("relative_attention_max_distance", 128),
      tied: flag("tie_word_embeddings", true),
      scaleOutput: orNull(flag("scale_decoder_outputs")),
    },
    // The length of training texts.
    ignored: ["n_positions"],
    onlyIf: { is_encoder_decoder: [true] },
  } satisfies ConfigSpec<object>;
  const { decoderLayers, feedForward, activation, gated, tied, scaleOutput, ...read } = strictConfig(raw, spec);
  // transformers 4 scales if the head is tied. From transformers 5 on, T5 says whether to scale, mT5 never does, and both
  // say `tie_word_embeddings: true` even where the checkpoint has a head of its own.
  const scales = type === "t5" && (scaleOutput ?? tied);
  const ownHead = !tied || (!scales && tensors.includes("lm_head.weight"));
  return {
    type,
    ...read,
    decoderLayers: decoderLayers ?? read.encoderLayers,
    ...readFeedForward(feedForward, activation, gated),
    scaleOutput: scales,
    tiedHead: !ownHead,
  };
}

/** `relu`, `gated-gelu`, ...; `dense_act_fn` and `is_gated_act` say the same again. */
function readFeedForward(feedForward: string, stated: string | null, statedGated: boolean | null) {
  const [last = "", prefix, ...rest] = feedForward.split("-").reverse();
  const gated = prefix === "gated";
  // The first gated models were trained with the tanh form.
  const name = feedForward === "gated-gelu" ? "gelu_new" : last;
  const activation = Object.hasOwn(activationNames, name) ? activationNames[name] : undefined;
  if (activation === undefined || (prefix !== undefined && !gated) || rest.length > 0) {
    const known = Object.keys(activationNames).join(", ");
    throw new ConfigError(
      `feed_forward_proj: expected an activation (${known}), or gated- and one of these, received "${feedForward}"`,
    );
  }
  if ((stated !== null && stated !== name) || (statedGated !== null && statedGated !== gated)) {
    throw new ConfigError(
      `feed_forward_proj: "${feedForward}" contradicts dense_act_fn: ${stated} and is_gated_act: ${statedGated}`,
    );
  }
  return { activation, gated };
}

function weightTable(config: T5Config): WeightTable {
  const { vocabSize: V, width: D, heads: H, headWidth: K, feedForwardWidth: F, buckets } = config;
  const linear = (from: string, to: string, inputs: number, outputs: number): WeightTable["rows"] => ({
    [`${from}.weight`]: { to: `${to}.kernel`, shape: [outputs, inputs], transpose: true },
  });
  const scale = (from: string, to: string): WeightTable["rows"] => ({
    [`${from}.weight`]: { to: `${to}.scale`, shape: [D] },
  });
  const attention = (from: string, to: string): WeightTable["rows"] => ({
    ...linear(`${from}.q`, `${to}.query`, D, H * K),
    ...linear(`${from}.k`, `${to}.key`, D, H * K),
    ...linear(`${from}.v`, `${to}.value`, D, H * K),
    ...linear(`${from}.o`, `${to}.output`, H * K, D),
  });
  const feedForward = (from: string, to: string): WeightTable["rows"] => ({
    ...(config.gated && linear(`${from}.wi_0`, `${to}.gate`, D, F)),
    ...linear(config.gated ? `${from}.wi_1` : `${from}.wi`, `${to}.up`, D, F),
    ...linear(`${from}.wo`, `${to}.down`, F, D),
  });
  const stack = (of: "encoder" | "decoder", letter: "i" | "j", mlp: number): WeightTable["rows"] => {
    const [from, to] = [`${of}.block.{${letter}}.layer`, `${of}.blocks.{${letter}}`];
    const positions = `${of}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`;
    return {
      [positions]: { to: `${of}.relativePositions.table`, shape: [buckets, H] },
      ...attention(`${from}.0.SelfAttention`, `${to}.attention`),
      ...scale(`${from}.0.layer_norm`, `${to}.attentionNorm`),
      ...feedForward(`${from}.${mlp}.DenseReluDense`, `${to}.mlp`),
      ...scale(`${from}.${mlp}.layer_norm`, `${to}.mlpNorm`),
      ...scale(`${of}.final_layer_norm`, `${of}.finalNorm`),
    };
  };
  const copies = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];
  return {
    counts: { i: config.encoderLayers, j: config.decoderLayers },
    rows: {
      "shared.weight": {
        to: "tokens.table",
        shape: [V, D],
        copies: config.tiedHead ? [...copies, "lm_head.weight"] : copies,
      },
      ...stack("encoder", "i", 1),
      ...stack("decoder", "j", 2),
      ...attention("decoder.block.{j}.layer.1.EncDecAttention", "decoder.blocks.{j}.crossAttention"),
      ...scale("decoder.block.{j}.layer.1.layer_norm", "decoder.blocks.{j}.crossNorm"),
      ...(!config.tiedHead && linear("lm_head", "head", D, V)),
    },
    // The first release has this table, which no layer uses.
    ignored: ["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"],
  };
}

export const t5: Architecture<T5Config> = {
  classNames: [classNames.t5, "T5WithLMHeadModel"],
  readConfig: (raw, tensors) => readConfig("t5", raw, tensors),
  weightTable,
  build,
};

export const mt5: Architecture<T5Config> = {
  classNames: [classNames.mt5],
  readConfig: (raw, tensors) => readConfig("mt5", raw, tensors),
  weightTable,
  build,
};
