/** The bias of ALiBi in a pass: all layers of a model share it; a layer that is used outside a model makes it here. */

import { keyPositions } from "../model/positions.ts";
import { alibi, alibiSlopes } from "../ops/alibi.ts";
import type { Tensor } from "../tensor.ts";
import type { Pass } from "./pass.ts";

/** [B or 1, H, 1, S] */
export function presentAlibi(heads: number, x_BTD: Tensor, { bias, mask_BS }: Pass): Tensor {
  return bias ?? alibi(alibiSlopes(heads), keyPositions({ embeddings_BTD: x_BTD, mask_BS }));
}
