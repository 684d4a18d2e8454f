/**
 * Layer normalisation of each attention head by itself, with a scale for each: y_h = x̂_h ⊙ scale_h. Weight `scale` [H, K].
 * It stands before queries and keys are turned by their positions, in Cohere's models and StableLM 2.
 */

import { dims } from "../dims.ts";
import { layerNorm } from "../ops/layerNorm.ts";
import {
  type LayerInputs,
  type LayerShape,
  type LayerVariable,
  mul,
  ones,
  registerLayer,
  reshape,
  type Tensor,
  zeros,
} from "../tensor.ts";
import { type LayerOptions, single, TransformerLayer } from "./layer.ts";

export interface HeadNormOptions extends LayerOptions {
  /** H */
  readonly heads: number;
  /** K */
  readonly headWidth: number;
  /** Added to the variance. */
  readonly epsilon: number;
}

export class HeadNorm extends TransformerLayer<HeadNormOptions> {
  static readonly className = "HeadNorm";
  readonly #scale: LayerVariable;

  constructor(options: HeadNormOptions) {
    super(options);
    this.#scale = this.parameter("scale", [options.heads, options.headWidth]);
  }

  /** [B, H, T, K] → [B, H, T, K] */
  override call(inputs: LayerInputs): Tensor {
    const { heads: H, headWidth: K, epsilon } = this.options;
    const x_BHTK = single(inputs);
    dims("headNorm", x_BHTK, "B H T K", { H, K });
    return mul(layerNorm(x_BHTK, ones([K]), zeros([K]), epsilon), reshape(this.#scale.read(), [H, 1, K]));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}
registerLayer(HeadNorm);
