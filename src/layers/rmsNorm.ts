/** Root-mean-square normalisation over the last axis. Weight `scale` [D]. */

import { rmsNorm } from "../ops/rmsNorm.ts";
import { type LayerInputs, type LayerShape, type LayerVariable, registerLayer, type Tensor } from "../tensor.ts";
import { single, TransformerLayer } from "./layer.ts";
import type { NormOptions } from "./layerNorm.ts";

export class RmsNorm extends TransformerLayer<NormOptions> {
  static readonly className = "RmsNorm";
  readonly scale: LayerVariable;

  constructor(options: NormOptions) {
    super(options);
    this.scale = this.parameter("scale", [options.width]);
  }

  override call(inputs: LayerInputs): Tensor {
    return rmsNorm(single(inputs), this.scale.read(), this.options.epsilon);
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}
registerLayer(RmsNorm);
