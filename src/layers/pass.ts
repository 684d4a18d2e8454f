/** What travels through the layers of a model beside the activations, as the second argument of `call`. */

import type { Past } from "../model/cache.ts";
import type { Sites } from "../model/sites.ts";
import type { Tensor } from "../tensor.ts";

export interface Pass {
  /** 1 for tokens, 0 for padding, over all keys of self-attention: int32 [B, S]. */
  readonly mask_BS?: Tensor | undefined;
  /** Added to the scores of self-attention: [1 or B, H, T, S]. */
  readonly bias?: Tensor | undefined;
  readonly cache?: Past | undefined;
  readonly sites?: Sites | undefined;
}

/** What a decoder block with cross-attention needs besides. */
export interface CrossPass extends Pass {
  /** 1 for tokens, 0 for padding, over the source: int32 [B, S]. */
  readonly sourceMask_BS?: Tensor | undefined;
}
