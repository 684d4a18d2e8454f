/**
 * The feed-forward part of a block: y = φ(x U + b) W + c, or gated (Shazeer 2020, arXiv 2002.05202)
 * y = (φ(x G + a) ⊙ (x U + b)) W + c. Layers `up` [D → F], `down` [F → D] and, when gated, `gate` [D → F].
 */

import { type Site, type Sites, visit } from "../model/sites.ts";
import { type Activation, gatedUnit } from "../ops/activation.ts";
import { type LayerInputs, type LayerShape, registerLayer, type Tensor } from "../tensor.ts";
import { type LayerOptions, TransformerLayer } from "./layer.ts";
import { Linear } from "./linear.ts";

export interface FeedForwardOptions extends LayerOptions {
  /** D */
  readonly width: number;
  /** F */
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly gated?: boolean;
  readonly bias?: boolean;
}

export interface FeedForwardPass {
  readonly sites?: Sites | undefined;
  /** Which block this is; where it is told, `mlpActivation` is a site. */
  readonly at?: Omit<Site, "name">;
}

export class FeedForward extends TransformerLayer<FeedForwardOptions> {
  static readonly className = "FeedForward";
  readonly #gate: Linear | undefined;
  readonly #up: Linear;
  readonly #down: Linear;

  constructor(options: FeedForwardOptions) {
    super(options);
    const { name, width: D, feedForwardWidth: F, gated = false, bias = true, weights } = options;
    this.#gate = gated
      ? this.child(new Linear({ name: `${name}.gate`, inputs: D, outputs: F, bias, weights }))
      : undefined;
    this.#up = this.child(new Linear({ name: `${name}.up`, inputs: D, outputs: F, bias, weights }));
    this.#down = this.child(new Linear({ name: `${name}.down`, inputs: F, outputs: D, bias, weights }));
  }

  /** [..., D] → [..., D] */
  override call(inputs: LayerInputs, { sites, at }: FeedForwardPass = {}): Tensor {
    const { activation } = this.options;
    const up = this.#up.call(inputs, this.#gate ? {} : { activation });
    const x = this.#gate ? gatedUnit(this.#gate.call(inputs), up, activation) : up;
    return this.#down.call(at === undefined ? x : visit(sites, { ...at, name: "mlpActivation" }, x));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}
registerLayer(FeedForward);
