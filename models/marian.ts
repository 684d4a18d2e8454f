/**
 * Marian (Junczys-Dowmunt et al. 2018, arXiv 1804.00344), as the OPUS-MT translation models use it: the encoder-decoder
 * of Vaswani et al. 2017 (arXiv 1706.03762).
 *
 * Must match `MarianMTModel` of Hugging Face transformers. Layer normalisation after each part of a block and none at the
 * end, fixed sinusoidal positions (sines, then cosines), embeddings scaled by √D and shared with the output head, which
 * adds a bias to the logits. Compared with T5: biases everywhere, absolute positions, norms after the sums.
 *
 * The reference scales the decoder's embeddings inside the decoder, so that whoever passes embeddings in passes them
 * unscaled, unlike those of its encoder. Here both are scaled once, when they are looked up.
 *
 * (Longer than its neighbours because encoder and decoder are told separately, as in the reference.)
 */

import type { JsonObject } from "../src/json.ts";
import { attend, splitHeads } from "../src/layers/attend.ts";
import { Bias } from "../src/layers/bias.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { disposeLayers, pair, single, TransformerLayer } from "../src/layers/layer.ts";
import { LayerNorm } from "../src/layers/layerNorm.ts";
import { Linear } from "../src/layers/linear.ts";
import type { CrossPass, Pass } from "../src/layers/pass.ts";
import { SinusoidalPositions } from "../src/layers/sinusoidalPositions.ts";
import type { Weights } from "../src/layers/weights.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, orNull, size } from "../src/model/configField.ts";
import type { DecoderInput, EncoderDecoderModel, EncoderInput, EncoderStates } from "../src/model/model.ts";
import { positionIds } from "../src/model/positions.ts";
import { type Site, visit } from "../src/model/sites.ts";
import { perHead } from "../src/model/sizes.ts";
import type { WeightTable } from "../src/model/weights.ts";
import { type Activation, activate } from "../src/ops/activation.ts";
import { select } from "../src/ops/select.ts";
import { add, type LayerInputs, type LayerShape, mul, registerLayer, scalar, type Tensor } from "../src/tensor.ts";
import type { Architecture } from "./architecture.ts";

export interface StackConfig {
  readonly vocabSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly feedForwardWidth: number;
}

export interface MarianConfig {
  readonly width: number;
  readonly maxPositions: number;
  readonly activation: Activation;
  /** Multiply embeddings by √D. */
  readonly scaleEmbedding: boolean;
  /** One table of embeddings for source and target. */
  readonly sharedEmbeddings: boolean;
  readonly tiedHead: boolean;
  readonly encoder: StackConfig;
  readonly decoder: StackConfig;
}

/** PyTorch's default, which the reference does not change. */
const LAYER_NORM_EPSILON = 1e-5;

interface AttentionOptions {
  readonly name: string;
  readonly width: number;
  readonly heads: number;
  readonly at: Omit<Site, "name">;
  readonly weights?: Weights | undefined;
}

/** Attention of the encoder, causal self-attention of the decoder, or attention from decoder to encoder. */
export class MarianAttention extends TransformerLayer<AttentionOptions> {
  static readonly className = "MarianAttention";
  readonly #query: Linear;
  readonly #key: Linear;
  readonly #value: Linear;
  readonly #output: Linear;

  constructor(options: AttentionOptions) {
    super(options);
    const { name, width: D, weights } = options;
    const projection = (of: string) =>
      this.child(new Linear({ name: `${name}.${of}`, inputs: D, outputs: D, weights }));
    this.#query = projection("query");
    this.#key = projection("key");
    this.#value = projection("value");
    this.#output = projection("output");
  }

  /** Queries' states [B, T, D] and, in cross-attention, keys' states [B, S, D] → [B, T, D]. The mask is that of the keys. */
  override call(inputs: LayerInputs, { mask_BS, cache, sites }: Pass = {}): Tensor {
    const { width, heads, at } = this.options;
    const [x_BTD, states] = at.attention === "cross" ? pair(inputs) : [single(inputs), single(inputs)];
    const project = () => ({
      key: splitHeads(this.#key.call(states), heads),
      value: splitHeads(this.#value.call(states), heads),
    });
    const append = () => {
      const { key, value } = project();
      return cache?.append(at.layer, key, value) ?? { key, value };
    };
    const { key, value } = at.attention === "self" ? append() : (cache?.cross(at.layer, project) ?? project());
    const query_BHTK = splitHeads(this.#query.call(x_BTD), heads);
    const scale = 1 / Math.sqrt(width / heads);
    const causal = at.stack === "decoder" && at.attention === "self";
    return this.#output.call(
      attend({ query_BHTK, key_BGSK: key, value_BGSK: value, scale, causal, mask_BS, sites, at }),
    );
  }

  override computeOutputShape(shape: LayerShape | LayerShape[]): LayerShape | LayerShape[] {
    return this.options.at.attention === "cross" ? (shape as LayerShape[]).slice(0, 1) : shape;
  }
}

interface BlockOptions {
  readonly name: string;
  readonly layer: number;
  readonly config: MarianConfig;
  readonly weights?: Weights | undefined;
}

/** x = norm(x + attention(x)), then norm(x + feedForward(x)). */
export class MarianEncoderBlock extends TransformerLayer<BlockOptions> {
  static readonly className = "MarianEncoderBlock";
  readonly #attention: MarianAttention;
  readonly #attentionNorm: LayerNorm;
  readonly #up: Linear;
  readonly #down: Linear;
  readonly #mlpNorm: LayerNorm;

  constructor(options: BlockOptions) {
    super(options);
    const { name, layer, config, weights } = options;
    const { heads, feedForwardWidth: F } = config.encoder;
    const D = config.width;
    const at = { stack: "encoder", attention: "self", layer } as const;
    this.#attention = this.child(new MarianAttention({ name: `${name}.attention`, width: D, heads, at, weights }));
    this.#attentionNorm = this.child(norm(`${name}.attentionNorm`, D, weights));
    this.#up = this.child(new Linear({ name: `${name}.mlp.up`, inputs: D, outputs: F, weights }));
    this.#down = this.child(new Linear({ name: `${name}.mlp.down`, inputs: F, outputs: D, weights }));
    this.#mlpNorm = this.child(norm(`${name}.mlpNorm`, D, weights));
  }

  /** [B, S, D] → [B, S, D] */
  override call(inputs: LayerInputs, pass: Pass = {}): Tensor {
    const { layer, config } = this.options;
    const at = { stack: "encoder", attention: "self", layer } as const;
    const x0 = visit(pass.sites, { ...at, name: "blockInput" }, single(inputs));
    const attended = visit(pass.sites, { ...at, name: "attentionOutput" }, this.#attention.call(x0, pass));
    const x1 = this.#attentionNorm.call(add(x0, attended));
    const mlp = this.#down.call(activate(this.#up.call(x1), config.activation));
    const x2 = this.#mlpNorm.call(add(x1, visit(pass.sites, { ...at, name: "mlpOutput" }, mlp)));
    return visit(pass.sites, { ...at, name: "blockOutput" }, x2);
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}

/** As the encoder's, with attention to the encoder's states between the two parts. */
export class MarianDecoderBlock extends TransformerLayer<BlockOptions> {
  static readonly className = "MarianDecoderBlock";
  readonly #attention: MarianAttention;
  readonly #attentionNorm: LayerNorm;
  readonly #cross: MarianAttention;
  readonly #crossNorm: LayerNorm;
  readonly #up: Linear;
  readonly #down: Linear;
  readonly #mlpNorm: LayerNorm;

  constructor(options: BlockOptions) {
    super(options);
    const { name, layer, config, weights } = options;
    const { heads, feedForwardWidth: F } = config.decoder;
    const D = config.width;
    const attention = (of: string, kind: "self" | "cross") => {
      const at = { stack: "decoder", attention: kind, layer } as const;
      return this.child(new MarianAttention({ name: `${name}.${of}`, width: D, heads, at, weights }));
    };
    this.#attention = attention("attention", "self");
    this.#attentionNorm = this.child(norm(`${name}.attentionNorm`, D, weights));
    this.#cross = attention("crossAttention", "cross");
    this.#crossNorm = this.child(norm(`${name}.crossNorm`, D, weights));
    this.#up = this.child(new Linear({ name: `${name}.mlp.up`, inputs: D, outputs: F, weights }));
    this.#down = this.child(new Linear({ name: `${name}.mlp.down`, inputs: F, outputs: D, weights }));
    this.#mlpNorm = this.child(norm(`${name}.mlpNorm`, D, weights));
  }

  /** The target's states [B, T, D] and the encoder's [B, S, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: CrossPass = {}): Tensor {
    const { layer, config } = this.options;
    const at = { stack: "decoder", attention: "self", layer } as const;
    const [input, states_BSD] = pair(inputs);
    const x0 = visit(pass.sites, { ...at, name: "blockInput" }, input);
    const attended = visit(pass.sites, { ...at, name: "attentionOutput" }, this.#attention.call(x0, pass));
    const x1 = this.#attentionNorm.call(add(x0, attended));
    const crossed = this.#cross.call([x1, states_BSD], { ...pass, mask_BS: pass.sourceMask_BS });
    const crossSite = { ...at, attention: "cross", name: "attentionOutput" } as const;
    const x2 = this.#crossNorm.call(add(x1, visit(pass.sites, crossSite, crossed)));
    const mlp = this.#down.call(activate(this.#up.call(x2), config.activation));
    const x3 = this.#mlpNorm.call(add(x2, visit(pass.sites, { ...at, name: "mlpOutput" }, mlp)));
    return visit(pass.sites, { ...at, name: "blockOutput" }, x3);
  }

  override computeOutputShape(shapes: LayerShape[]): LayerShape[] {
    return shapes.slice(0, 1);
  }
}

function norm(name: string, width: number, weights: Weights | undefined): LayerNorm {
  return new LayerNorm({ name, width, epsilon: LAYER_NORM_EPSILON, weights });
}

registerLayer(MarianAttention);
registerLayer(MarianEncoderBlock);
registerLayer(MarianDecoderBlock);

/** The model, its weights drawn from `weights`. */
export function marian(config: MarianConfig, weights?: Weights): EncoderDecoderModel {
  const { width, maxPositions, encoder, decoder } = config;
  const table = (name: string, vocabSize: number) => new Embedding({ name, vocabSize, width, weights });
  const sourceTokens = table(config.sharedEmbeddings ? "tokens" : "encoder.tokens", encoder.vocabSize);
  const targetTokens = config.sharedEmbeddings ? sourceTokens : table("decoder.tokens", decoder.vocabSize);
  const positions = new SinusoidalPositions({ name: "positions", positions: maxPositions, width });
  const blocks = <Block>(Block: new (options: BlockOptions) => Block, stack: "encoder" | "decoder"): Block[] =>
    Array.from(
      { length: config[stack].layers },
      (_, layer) => new Block({ name: `${stack}.blocks.${layer}`, layer, config, weights }),
    );
  const encoderBlocks = blocks(MarianEncoderBlock, "encoder");
  const decoderBlocks = blocks(MarianDecoderBlock, "decoder");
  const head = config.tiedHead
    ? undefined
    : new Linear({ name: "head", inputs: width, outputs: decoder.vocabSize, bias: false, weights });
  const logitsBias = new Bias({ name: "logits", width: decoder.vocabSize, weights });

  const tables = config.sharedEmbeddings ? [sourceTokens] : [sourceTokens, targetTokens];
  const heads = head === undefined ? [logitsBias] : [head, logitsBias];
  const parts = [...tables, positions, ...encoderBlocks, ...decoderBlocks, ...heads];

  const embed = (tokens: Embedding, ids: Tensor): Tensor =>
    config.scaleEmbedding ? mul(tokens.call(ids), scalar(Math.sqrt(width))) : tokens.call(ids);

  return {
    kind: "encoder-decoder",
    facts: {
      type: "marian",
      className: architecture.classNames[0],
      width,
      vocabSize: decoder.vocabSize,
      sourceVocabSize: encoder.vocabSize,
      layers: decoder.layers,
      heads: decoder.heads,
      maxPositions,
    },
    layers: parts,

    embedSource: (ids_BS) => embed(sourceTokens, ids_BS),
    embedTarget: (ids_BT) => embed(targetTokens, ids_BT),

    encode({ embeddings_BSD, mask_BS, sites }: EncoderInput): EncoderStates {
      const at = positionIds({ embeddings_BTD: embeddings_BSD, mask_BS }, maxPositions);
      let x = add(embeddings_BSD, positions.call(at));
      for (const block of encoderBlocks) x = block.call(x, { mask_BS, sites });
      return { states_BSD: x, mask_BS };
    },

    decode(input: DecoderInput, { states_BSD, mask_BS }: EncoderStates): Tensor {
      let x = add(input.embeddings_BTD, positions.call(positionIds(input, maxPositions)));
      for (const block of decoderBlocks) x = block.call([x, states_BSD], { ...input, sourceMask_BS: mask_BS });
      const read = input.targets_B === undefined ? x : select(x, input.targets_B);
      return logitsBias.call(head?.call(read) ?? targetTokens.logits(read));
    },

    dispose: () => disposeLayers(parts),
  };
}

/** Defaults: transformers' `MarianConfig`. */
function readConfig(raw: JsonObject): MarianConfig {
  const read = strictConfig(raw, {
    model: "marian",
    fields: {
      vocabSize: size("vocab_size", 58101),
      decoderVocabSize: orNull(size("decoder_vocab_size")),
      width: size(["d_model", "hidden_size"], 1024),
      maxPositions: size("max_position_embeddings", 1024),
      encoderLayers: size(["encoder_layers", "num_hidden_layers"], 12),
      encoderHeads: size(["encoder_attention_heads", "num_attention_heads"], 16),
      encoderWidth: size("encoder_ffn_dim", 4096),
      decoderLayers: size("decoder_layers", 12),
      decoderHeads: size("decoder_attention_heads", 16),
      decoderWidth: size("decoder_ffn_dim", 4096),
      activation: activation("activation_function", "gelu"),
      scaleEmbedding: flag("scale_embedding", false),
      sharedEmbeddings: flag("share_encoder_decoder_embeddings", true),
      tiedHead: flag("tie_word_embeddings", true),
    },
    // What the converter of OPUS-MT writes into every config; the reference does not read these.
    onlyIf: {
      is_encoder_decoder: [true],
      add_bias_logits: [false],
      add_final_layer_norm: [false],
      do_blenderbot_90_layernorm: [false],
      extra_pos_embeddings: [0],
      normalize_before: [false],
      normalize_embedding: [false],
      static_position_embeddings: [true],
    },
  });
  const { width, maxPositions, scaleEmbedding, sharedEmbeddings, tiedHead, vocabSize, decoderVocabSize } = read;
  perHead("d_model", width, "encoder_attention_heads", read.encoderHeads);
  perHead("d_model", width, "decoder_attention_heads", read.decoderHeads);
  return {
    width,
    maxPositions,
    activation: read.activation,
    scaleEmbedding,
    sharedEmbeddings,
    tiedHead,
    encoder: {
      vocabSize,
      layers: read.encoderLayers,
      heads: read.encoderHeads,
      feedForwardWidth: read.encoderWidth,
    },
    decoder: {
      // With one table for both, the reference does not read the decoder's own size.
      vocabSize: sharedEmbeddings ? vocabSize : (decoderVocabSize ?? vocabSize),
      layers: read.decoderLayers,
      heads: read.decoderHeads,
      feedForwardWidth: read.decoderWidth,
    },
  };
}

function weightTable(config: MarianConfig): WeightTable {
  const { width: D, encoder, decoder, sharedEmbeddings, tiedHead } = config;
  const linear = (from: string, to: string, inputs: number, outputs: number): WeightTable["rows"] => ({
    [`${from}.weight`]: { to: `${to}.kernel`, shape: [outputs, inputs], transpose: true },
    [`${from}.bias`]: { to: `${to}.bias`, shape: [outputs] },
  });
  const layerNorm = (from: string, to: string): WeightTable["rows"] => ({
    [`${from}.weight`]: { to: `${to}.scale`, shape: [D] },
    [`${from}.bias`]: { to: `${to}.bias`, shape: [D] },
  });
  const attention = (from: string, to: string): WeightTable["rows"] => ({
    ...linear(`${from}.q_proj`, `${to}.query`, D, D),
    ...linear(`${from}.k_proj`, `${to}.key`, D, D),
    ...linear(`${from}.v_proj`, `${to}.value`, D, D),
    ...linear(`${from}.out_proj`, `${to}.output`, D, D),
  });
  const block = (from: string, to: string, F: number): WeightTable["rows"] => ({
    ...attention(`${from}.self_attn`, `${to}.attention`),
    ...layerNorm(`${from}.self_attn_layer_norm`, `${to}.attentionNorm`),
    ...linear(`${from}.fc1`, `${to}.mlp.up`, D, F),
    ...linear(`${from}.fc2`, `${to}.mlp.down`, F, D),
    ...layerNorm(`${from}.final_layer_norm`, `${to}.mlpNorm`),
  });
  const head = tiedHead ? ["lm_head.weight"] : [];
  const shared = { to: "tokens.table", shape: [encoder.vocabSize, D] };
  const [source, target] = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];
  const embeddings: WeightTable["rows"] = sharedEmbeddings
    ? { "shared.weight": { ...shared, copies: [source, target, ...head] } }
    : {
        [source]: { to: "encoder.tokens.table", shape: [encoder.vocabSize, D] },
        [target]: { to: "decoder.tokens.table", shape: [decoder.vocabSize, D], copies: head },
      };
  return {
    counts: { i: encoder.layers, j: decoder.layers },
    prefixes: ["model."],
    rows: {
      ...embeddings,
      ...block("encoder.layers.{i}", "encoder.blocks.{i}", encoder.feedForwardWidth),
      ...block("decoder.layers.{j}", "decoder.blocks.{j}", decoder.feedForwardWidth),
      ...attention("decoder.layers.{j}.encoder_attn", "decoder.blocks.{j}.crossAttention"),
      ...layerNorm("decoder.layers.{j}.encoder_attn_layer_norm", "decoder.blocks.{j}.crossNorm"),
      final_logits_bias: { to: "logits.bias", shape: [1, decoder.vocabSize] },
      ...(!tiedHead && {
        "lm_head.weight": { to: "head.kernel", shape: [decoder.vocabSize, D], transpose: true },
      }),
    },
    // Sinusoids, which follow from their size.
    ignored: ["encoder.embed_positions.weight", "decoder.embed_positions.weight"],
  };
}

export const architecture: Architecture<MarianConfig> = {
  classNames: ["MarianMTModel"],
  readConfig,
  weightTable,
  build: marian,
};
