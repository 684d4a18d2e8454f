/** Layer normalisation over the last axis. Weights `scale` [D] and `bias` [D], unless switched off. */

import { layerNorm } from "../ops/layerNorm.ts";
import {
  type LayerInputs,
  type LayerShape,
  type LayerVariable,
  ones,
  registerLayer,
  type Tensor,
  zeros,
} from "../tensor.ts";
import { type LayerOptions, single, TransformerLayer } from "./layer.ts";

export interface NormOptions extends LayerOptions {
  /** D */
  readonly width: number;
  /** Added to the variance (or the mean square). */
  readonly epsilon: number;
}

export interface LayerNormOptions extends NormOptions {
  /** Multiply by a trained vector. */
  readonly scale?: boolean;
  /** Add a trained vector. */
  readonly bias?: boolean;
}

export class LayerNorm extends TransformerLayer<LayerNormOptions> {
  static readonly className = "LayerNorm";
  readonly scale: LayerVariable;
  readonly bias: LayerVariable;

  constructor(options: LayerNormOptions) {
    super(options);
    const { width, scale = true, bias = true } = options;
    this.scale = scale ? this.parameter("scale", [width]) : this.constant("scale", ones([width]));
    this.bias = bias ? this.parameter("bias", [width]) : this.constant("bias", zeros([width]));
  }

  override call(inputs: LayerInputs): Tensor {
    return layerNorm(single(inputs), this.scale.read(), this.bias.read(), this.options.epsilon);
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}
registerLayer(LayerNorm);
