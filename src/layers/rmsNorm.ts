/** Root-mean-square normalisation over the last axis. Weight `scale` [D]. */

import { rmsNorm } from "../ops/rmsNorm.ts";
import {
  add,
  type LayerInputs,
  type LayerShape,
  type LayerVariable,
  registerLayer,
  scalar,
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
    const { epsilon, offset = 0 } = this.options;
    const scale = this.scale.read();
    return rmsNorm(single(inputs), offset === 0 ? scale : add(scale, scalar(offset)), epsilon);
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}
registerLayer(RmsNorm);
