/** Layer normalisation over the last axis. Weights `scale` [D] and `bias` [D], unless switched off. */

import { layerNorm } from "../ops/layerNorm.ts";
import {
  add,
  type LayerInputs,
  type LayerShape,
  type LayerVariable,
  mean,
  mul,
  ones,
  registerLayer,
  rsqrt,
  scalar,
  square,
  sub,
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
  /** Added to the trained scale: Nemotron's is stored as its difference from one. */
  readonly offset?: number | undefined;
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
    return layerNorm(single(inputs), this.#scale(), this.bias.read(), this.options.epsilon);
  }

  /** (part − mean(part)) · scale / √(σ² + ε) with the variance of the whole; both broadcast. */
  linearized(parts: Tensor, whole: Tensor): Tensor {
    const centered = (x: Tensor): Tensor => sub(x, mean(x, -1, true));
    const inverseStd = rsqrt(add(mean(square(centered(whole)), -1, true), scalar(this.options.epsilon)));
    return mul(mul(centered(parts), this.#scale()), inverseStd);
  }

  #scale(): Tensor {
    const { offset = 0 } = this.options;
    return offset === 0 ? this.scale.read() : add(this.scale.read(), scalar(offset));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}
registerLayer(LayerNorm);
