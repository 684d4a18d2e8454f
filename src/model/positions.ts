/** Position ids of a pass: what the user gives, else counted from each row's first token. */

import { OptionError } from "../errors.ts";
import { cast, cumsum, maximum, range, reshape, scalar, slice, sub, type Tensor, tile } from "../tensor.ts";
import type { DecoderInput } from "./model.ts";

/**
 * int32 [B, T]. With a mask, padding on the left does not count, so a padded row gets the positions that it has alone.
 * (The positions of the padding itself are those of a neighbour; nothing attends to it.)
 * @param maxPositions size of the model's table of positions, if it has one
 * @throws OptionError when past and present are longer than that
 */
export function positionIds(input: Omit<DecoderInput, "sites">, maxPositions = Number.POSITIVE_INFINITY): Tensor {
  if (input.positions_BT !== undefined) return input.positions_BT;
  const [B = 0, T = 0] = input.embeddings_BTD.shape;
  const past = input.cache?.length ?? 0;
  if (past + T > maxPositions) {
    throw new OptionError(
      `expected at most ${maxPositions} positions, which is all that the model has, received ${past + T}; ` +
        "shorten the text or generate less",
    );
  }
  if (input.mask_BS === undefined) return tile(reshape(range(past, past + T), [1, T]), [B, 1]);
  const counted_BS = maximum(sub(cumsum(cast(input.mask_BS, "float32"), 1), scalar(1)), scalar(0));
  return cast(slice(counted_BS, [0, past], [B, T]), "int32");
}
