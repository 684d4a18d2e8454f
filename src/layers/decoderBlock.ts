/**
 * A block of a decoder that reads an encoder: causal self-attention, attention to the encoder's states, then the
 * feed-forward part, each with its residual sum and normalisation. Layers `attention`, `attentionNorm`, `crossAttention`,
 * `crossNorm`, `mlp`, `mlpNorm`.
 */

import { type Site, visit } from "../model/sites.ts";
import { type LayerInputs, type LayerShape, registerLayer, type Tensor } from "../tensor.ts";
import type { FeedForward } from "./feedForward.ts";
import { pair, TransformerLayer } from "./layer.ts";
import type { MixtureOfExperts } from "./mixtureOfExperts.ts";
import { makeMlp } from "./mlp.ts";
import { MultiHeadAttention } from "./multiHeadAttention.ts";
import { makeNorm, type Norm } from "./norm.ts";
import type { CrossPass } from "./pass.ts";
import { residual } from "./residual.ts";
import type { BlockOptions } from "./selfAttentionBlock.ts";

export class DecoderBlock extends TransformerLayer<BlockOptions> {
  static readonly className = "DecoderBlock";
  readonly #attention: MultiHeadAttention;
  readonly #attentionNorm: Norm;
  readonly #cross: MultiHeadAttention;
  readonly #crossNorm: Norm;
  readonly #mlp: FeedForward | MixtureOfExperts;
  readonly #mlpNorm: Norm;

  constructor(options: BlockOptions) {
    super(options);
    const { name, layer, width, norm, attention, mlp, weights } = options;
    const attend = (of: string, kind: "self" | "cross") => {
      const at = { stack: "decoder", attention: kind, layer } as const;
      return this.child(new MultiHeadAttention({ name: `${name}.${of}`, width, ...attention, at, weights }));
    };
    this.#attention = attend("attention", "self");
    this.#attentionNorm = this.child(makeNorm(norm, { name: `${name}.attentionNorm`, width, weights }));
    this.#cross = attend("crossAttention", "cross");
    this.#crossNorm = this.child(makeNorm(norm, { name: `${name}.crossNorm`, width, weights }));
    this.#mlp = this.child(makeMlp(mlp, { name: `${name}.mlp`, width, layer, weights }));
    this.#mlpNorm = this.child(makeNorm(norm, { name: `${name}.mlpNorm`, width, weights }));
  }

  /** The target's states [B, T, D] and the encoder's [B, S, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: CrossPass = {}): Tensor {
    const { layer, normPlace } = this.options;
    const { sites } = pass;
    const at = { stack: "decoder", attention: "self", layer } as const;
    const [input, states_BSD] = pair(inputs);
    const x0 = visit(sites, { ...at, name: "blockInput" }, input);
    const given = (site: Pick<Site, "name" | "attention">) => ({ place: normPlace, sites, site: { ...at, ...site } });
    const self = given({ name: "attentionOutput", attention: "self" });
    const x1 = residual(x0, this.#attentionNorm, self, (x) => this.#attention.call(x, pass));
    const crossPass = { ...pass, mask_BS: pass.sourceMask_BS, bias: undefined };
    const cross = given({ name: "attentionOutput", attention: "cross" });
    const x2 = residual(x1, this.#crossNorm, cross, (x) => this.#cross.call([x, states_BSD], crossPass));
    const mlp = given({ name: "mlpOutput", attention: "self" });
    const x3 = residual(x2, this.#mlpNorm, mlp, (x) => this.#mlp.call(x, { sites, at }));
    return visit(sites, { ...at, name: "blockOutput" }, x3);
  }

  override computeOutputShape(shapes: LayerShape[]): LayerShape[] {
    return shapes.slice(0, 1);
  }
}
registerLayer(DecoderBlock);
