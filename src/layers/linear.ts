/**
 * Linear layer: y = x W + b. Weights `kernel` [I, O] and, unless switched off, `bias` [O].
 *
 * Where the source has the matrix in fewer bits, its weights are `kernel.words` and `kernel.scales` instead.
 */

import { type CompactMatrix, compactLinear } from "../ops/compactLinear.ts";
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
  readonly #multiply: (x: Tensor, bias: Tensor | undefined) => Tensor;
  readonly bias: LayerVariable | undefined;

  constructor(options: LinearOptions) {
    super(options);
    const { name, inputs, outputs, weights } = options;
    const compact = weights?.compact?.(`${name}.kernel`, [inputs, outputs]);
    if (compact === undefined) {
      const kernel = this.parameter("kernel", [inputs, outputs]);
      this.#multiply = (x, bias) => linear(x, kernel.read(), bias);
    } else {
      this.#multiply = this.#compactProduct(compact);
    }
    this.bias = (options.bias ?? true) ? this.parameter("bias", [outputs]) : undefined;
  }

  #compactProduct({ format, shape, words, scales }: CompactMatrix) {
    const [ownWords, ownScales] = [this.constant("kernel.words", words), this.constant("kernel.scales", scales)];
    return (x: Tensor, bias: Tensor | undefined): Tensor =>
      compactLinear(x, { format, shape, words: ownWords.read(), scales: ownScales.read() }, bias);
  }

  /** [..., I] → [..., O] */
  override call(inputs: LayerInputs): Tensor {
    return this.#multiply(single(inputs), this.bias?.read());
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return [...shape.slice(0, -1), this.options.outputs];
  }
}
registerLayer(Linear);
