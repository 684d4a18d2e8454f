/** A bias alone: y = x + b. Weight `bias` [D]. */

import { add, type LayerInputs, type LayerShape, type LayerVariable, registerLayer, type Tensor } from "../tensor.ts";
import { type LayerOptions, single, TransformerLayer } from "./layer.ts";

export interface BiasOptions extends LayerOptions {
  /** D */
  readonly width: number;
}

export class Bias extends TransformerLayer<BiasOptions> {
  static readonly className = "Bias";
  readonly #bias: LayerVariable;

  constructor(options: BiasOptions) {
    super(options);
    this.#bias = this.parameter("bias", [options.width]);
  }

  /** [..., D] → [..., D] */
  override call(inputs: LayerInputs): Tensor {
    return add(single(inputs), this.#bias.read());
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}
registerLayer(Bias);
