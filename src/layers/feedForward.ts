/** The feed-forward part of a block: y = φ(x U + b) W + c. Layers `up` [D → F] and `down` [F → D]. */

import { type Activation, activate } from "../ops/activation.ts";
import { type LayerInputs, type LayerShape, registerLayer, type Tensor } from "../tensor.ts";
import { type LayerOptions, TransformerLayer } from "./layer.ts";
import { Linear } from "./linear.ts";

export interface FeedForwardOptions extends LayerOptions {
  /** D */
  readonly width: number;
  /** F */
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly bias?: boolean;
}

export class FeedForward extends TransformerLayer<FeedForwardOptions> {
  static readonly className = "FeedForward";
  readonly #up: Linear;
  readonly #down: Linear;

  constructor(options: FeedForwardOptions) {
    super(options);
    const { name, width: D, feedForwardWidth: F, bias = true, weights } = options;
    this.#up = this.child(new Linear({ name: `${name}.up`, inputs: D, outputs: F, bias, weights }));
    this.#down = this.child(new Linear({ name: `${name}.down`, inputs: F, outputs: D, bias, weights }));
  }

  /** [..., D] → [..., D] */
  override call(inputs: LayerInputs): Tensor {
    return this.#down.call(activate(this.#up.call(inputs), this.options.activation));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}
registerLayer(FeedForward);
