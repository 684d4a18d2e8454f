/**
 * Linear layer: y = x W + b, or φ(x W + b) for who asks. Weights `kernel` [I, O] and, unless switched off, `bias` [O].
 *
 * Where the source has the matrix in fewer bits, its weights are `kernel.words` and `kernel.scales` instead.
 */

import type { Activation } from "../ops/activation.ts";
import { compactLinear } from "../ops/compactLinear.ts";
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

export interface LinearPass {
  readonly activation?: Activation;
}

export class Linear extends TransformerLayer<LinearOptions> {
  static readonly className = "Linear";
  readonly #multiply: (x: Tensor, bias?: Tensor, activation?: Activation) => Tensor;
  readonly bias: LayerVariable | undefined;

  constructor(options: LinearOptions) {
    super(options);
    const { inputs, outputs } = options;
    const compact = this.compactMatrix("kernel", [inputs, outputs]);
    if (compact === undefined) {
      const kernel = this.parameter("kernel", [inputs, outputs]);
      this.#multiply = (x, bias, activation) => linear(x, kernel.read(), bias, { activation });
    } else {
      this.#multiply = (x, bias, activation) => compactLinear(x, compact(), bias, activation);
    }
    this.bias = (options.bias ?? true) ? this.parameter("bias", [outputs]) : undefined;
  }

  /** [..., I] → [..., O] */
  override call(inputs: LayerInputs, { activation }: LinearPass = {}): Tensor {
    return this.#multiply(single(inputs), this.bias?.read(), activation);
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return [...shape.slice(0, -1), this.options.outputs];
  }
}
registerLayer(Linear);
