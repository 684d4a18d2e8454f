/** Layer normalisation over the last axis. Weights `scale` [D] and `bias` [D]. */

import { layerNorm } from "../ops/layerNorm.ts";
import { type LayerInputs, type LayerShape, type LayerVariable, registerLayer, type Tensor } from "../tensor.ts";
import { type LayerOptions, single, TransformerLayer } from "./layer.ts";

export interface NormOptions extends LayerOptions {
  /** D */
  readonly width: number;
  /** Added to the variance (or the mean square). */
  readonly epsilon: number;
}

export class LayerNorm extends TransformerLayer<NormOptions> {
  static readonly className = "LayerNorm";
  readonly scale: LayerVariable;
  readonly bias: LayerVariable;

  constructor(options: NormOptions) {
    super(options);
    this.scale = this.parameter("scale", [options.width]);
    this.bias = this.parameter("bias", [options.width]);
  }

  override call(inputs: LayerInputs): Tensor {
    return layerNorm(single(inputs), this.scale.read(), this.bias.read(), this.options.epsilon);
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}
registerLayer(LayerNorm);
