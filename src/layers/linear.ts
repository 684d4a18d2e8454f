/** Linear layer: y = x W + b. Weights `kernel` [I, O] and, unless switched off, `bias` [O]. */

import { linear } from "../ops/linear.ts";
import { type LayerInputs, type LayerShape, type LayerVariable, registerLayer, type Tensor } from "../tensor.ts";
import { type LayerOptions, single, TransformerLayer } from "./layer.ts";

export interface LinearOptions extends LayerOptions {
  /** I */
  readonly inputs: number;
  /** O */
  readonly outputs: number;
  readonly bias?: boolean;
}

export class Linear extends TransformerLayer<LinearOptions> {
  static readonly className = "Linear";
  readonly kernel: LayerVariable;
  readonly bias: LayerVariable | undefined;

  constructor(options: LinearOptions) {
    super(options);
    this.kernel = this.parameter("kernel", [options.inputs, options.outputs]);
    this.bias = (options.bias ?? true) ? this.parameter("bias", [options.outputs]) : undefined;
  }

  /** [..., I] → [..., O] */
  override call(inputs: LayerInputs): Tensor {
    return linear(single(inputs), this.kernel.read(), this.bias?.read());
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return [...shape.slice(0, -1), this.options.outputs];
  }
}
registerLayer(Linear);
