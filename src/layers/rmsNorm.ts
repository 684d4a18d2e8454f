/** Root-mean-square normalisation over the last axis. Weight `scale` [D]. */

import { rmsNorm } from "../ops/rmsNorm.ts";
import {
  add,
  type LayerInputs,
  type LayerShape,
  type LayerVariable,
  mean,
  mul,
  registerLayer,
  rsqrt,
  scalar,
  square,
  type Tensor,
} from "../tensor.ts";
import { single, TransformerLayer } from "./layer.ts";
import type { NormOptions } from "./layerNorm.ts";

export interface RmsNormOptions extends NormOptions {
  /** Added to the trained scale: Gemma's is stored as its difference from one. */
  readonly offset?: number | undefined;
}

export class RmsNorm extends TransformerLayer<RmsNormOptions> {
  static readonly className = "RmsNorm";
  readonly scale: LayerVariable;

  constructor(options: RmsNormOptions) {
    super(options);
    this.scale = this.parameter("scale", [options.width]);
  }

  override call(inputs: LayerInputs): Tensor {
    return rmsNorm(single(inputs), this.#scale(), this.options.epsilon);
  }

  /** part · scale / √(mean(x²) + ε) with the mean square of the whole; both broadcast. */
  linearized(parts: Tensor, whole: Tensor): Tensor {
    const inverseRms = rsqrt(add(mean(square(whole), -1, true), scalar(this.options.epsilon)));
    return mul(mul(parts, this.#scale()), inverseRms);
  }

  #scale(): Tensor {
    const { offset = 0 } = this.options;
    return offset === 0 ? this.scale.read() : add(this.scale.read(), scalar(offset));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}
registerLayer(RmsNorm);
