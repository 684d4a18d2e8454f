/**
 * A block that reads nothing but its own stack: self-attention (over all positions in an encoder, causal in a decoder),
 * then the feed-forward part, each with its residual sum and normalisation. Layers `attention`, `attentionNorm`, `mlp`,
 * `mlpNorm`.
 */

import { type SiteName, visit } from "../model/sites.ts";
import { type LayerInputs, type LayerShape, registerLayer, type Tensor } from "../tensor.ts";
import type { FeedForward } from "./feedForward.ts";
import { type LayerOptions, single, TransformerLayer } from "./layer.ts";
import type { MixtureOfExperts } from "./mixtureOfExperts.ts";
import { type MlpChoice, makeMlp } from "./mlp.ts";
import { MultiHeadAttention, type MultiHeadAttentionOptions } from "./multiHeadAttention.ts";
import { makeNorm, type Norm, type NormChoice } from "./norm.ts";
import type { Pass } from "./pass.ts";
import { type NormPlace, residual } from "./residual.ts";

/** What all blocks of a stack have in common. */
export interface BlockChoice {
  /** D */
  readonly width: number;
  readonly norm: NormChoice;
  readonly normPlace: NormPlace;
  readonly attention: Pick<
    MultiHeadAttentionOptions,
    "heads" | "headWidth" | "bias" | "outputBias" | "scale" | "window"
  >;
  readonly mlp: MlpChoice;
}

export interface BlockOptions extends BlockChoice, LayerOptions {
  /** From 0. */
  readonly layer: number;
}

export interface SelfAttentionBlockOptions extends BlockOptions {
  readonly stack: "encoder" | "decoder";
}

export class SelfAttentionBlock extends TransformerLayer<SelfAttentionBlockOptions> {
  static readonly className = "SelfAttentionBlock";
  readonly #attention: MultiHeadAttention;
  readonly #attentionNorm: Norm;
  readonly #mlp: FeedForward | MixtureOfExperts;
  readonly #mlpNorm: Norm;

  constructor(options: SelfAttentionBlockOptions) {
    super(options);
    const { name, stack, layer, width, norm, attention, mlp, weights } = options;
    const at = { stack, attention: "self", layer } as const;
    this.#attention = this.child(
      new MultiHeadAttention({ name: `${name}.attention`, width, ...attention, at, weights }),
    );
    this.#attentionNorm = this.child(makeNorm(norm, { name: `${name}.attentionNorm`, width, weights }));
    this.#mlp = this.child(makeMlp(mlp, { name: `${name}.mlp`, width, layer, weights }));
    this.#mlpNorm = this.child(makeNorm(norm, { name: `${name}.mlpNorm`, width, weights }));
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: Pass = {}): Tensor {
    const { stack, layer, normPlace } = this.options;
    const { sites } = pass;
    const at = { stack, attention: "self", layer } as const;
    const x0 = visit(sites, { ...at, name: "blockInput" }, single(inputs));
    const given = (name: SiteName) => ({ place: normPlace, sites, site: { ...at, name } });
    const x1 = residual(x0, this.#attentionNorm, given("attentionOutput"), (x) => this.#attention.call(x, pass));
    const x2 = residual(x1, this.#mlpNorm, given("mlpOutput"), (x) => this.#mlp.call(x, { sites, at }));
    return visit(sites, { ...at, name: "blockOutput" }, x2);
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}
registerLayer(SelfAttentionBlock);
