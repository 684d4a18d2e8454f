/**
 * A part of a block with its residual sum and its normalisation, which stands after the sum, as in the first Transformer
 * (Vaswani et al. 2017, arXiv 1706.03762), or before the part (Xiong et al. 2020, arXiv 2002.04745):
 *
 *   after:  y = norm(x + part(x))        before:  y = x + part(norm(x))
 */

import { add, type Tensor } from "../tensor.ts";
import type { Norm } from "./norm.ts";

export type NormPlace = "before" | "after";

export function residual(x_BTD: Tensor, norm: Norm, place: NormPlace, part: (x_BTD: Tensor) => Tensor): Tensor {
  return place === "before" ? add(x_BTD, part(norm.call(x_BTD))) : norm.call(add(x_BTD, part(x_BTD)));
}
