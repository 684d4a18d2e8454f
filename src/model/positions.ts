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
  return slice(counted(input.mask_BS), [0, past], [B, T]);
}

/** Positions of all keys, past and present, counted in the same way: int32 [B, S], or [1, S] without a mask. */
export function keyPositions({ embeddings_BTD, mask_BS, cache }: Omit<DecoderInput, "sites">): Tensor {
  const S = (cache?.length ?? 0) + (embeddings_BTD.shape[1] ?? 0);
  return mask_BS === undefined ? reshape(range(0, S), [1, S]) : counted(mask_BS);
}

function counted(mask_BS: Tensor): Tensor {
  return cast(maximum(sub(cumsum(cast(mask_BS, "float32"), 1), scalar(1)), scalar(0)), "int32");
}
