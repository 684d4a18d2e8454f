/**
 * A part of a block with its residual sum and its normalisation, which stands after the sum, as in the first Transformer
 * (Vaswani et al. 2017, arXiv 1706.03762), or before the part (Xiong et al. 2020, arXiv 2002.04745):
 *
 *   after:  y = norm(x + part(x))        before:  y = x + part(norm(x))
 */

import { add, type Tensor } from "../tensor.ts";
import { LayerNorm, type NormOptions } from "./layerNorm.ts";
import { RmsNorm } from "./rmsNorm.ts";

export interface NormChoice {
  readonly kind: "layerNorm" | "rmsNorm";
  readonly epsilon: number;
  readonly place: "before" | "after";
  /** A layer normalisation has trained scale and bias; by default it does. */
  readonly trained?: boolean;
}

export function residual(
  x_BTD: Tensor,
  norm: LayerNorm | RmsNorm,
  place: NormChoice["place"],
  part: (x_BTD: Tensor) => Tensor,
): Tensor {
  return place === "before" ? add(x_BTD, part(norm.call(x_BTD))) : norm.call(add(x_BTD, part(x_BTD)));
}

export function makeNorm(choice: NormChoice, options: Omit<NormOptions, "epsilon">): LayerNorm | RmsNorm {
  const { kind, epsilon, trained = true } = choice;
  if (kind === "rmsNorm") return new RmsNorm({ ...options, epsilon });
  return new LayerNorm({ ...options, epsilon, scale: trained, bias: trained });
}
