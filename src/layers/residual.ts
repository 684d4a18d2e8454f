/**
 * A part of a block with its residual sum and its normalisation, which stands after the sum, as in the first Transformer
 * (Vaswani et al. 2017, arXiv 1706.03762), or before the part (Xiong et al. 2020, arXiv 2002.04745):
 *
 *   after:  y = norm(x + part(x))        before:  y = x + part(norm(x))
 */

import { type Site, type Sites, visit } from "../model/sites.ts";
import { add, type Tensor } from "../tensor.ts";
import type { Norm } from "./norm.ts";

export type NormPlace = "before" | "after";

/** Visits what the part gives as `site`. */
export function residual(
  x_BTD: Tensor,
  norm: Norm,
  { place, sites, site }: { readonly place: NormPlace; readonly sites: Sites | undefined; readonly site: Site },
  part: (x_BTD: Tensor) => Tensor,
): Tensor {
  if (place === "before") return add(x_BTD, visit(sites, site, part(norm.call(x_BTD))));
  sites?.normalizes?.(site, norm);
  return norm.call(add(x_BTD, visit(sites, site, part(x_BTD))));
}
