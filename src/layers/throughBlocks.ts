/** Going through the blocks of a stack, one after the other. */

import type { Sites } from "../model/sites.ts";
import { isRecording } from "../ops/tape.ts";
import { dispose, type Tensor, tidy } from "../tensor.ts";

/**
 * What leaves the last block. Where nobody differentiates and nobody watches, all that a block has made but its result is let go
 * of when it is done, and what entered it, too: so a pass needs memory for one block at a time, however many there are.
 * @param x what enters the first block; it stays the caller's
 */
export function throughBlocks<Block>(
  x: Tensor,
  blocks: readonly Block[],
  sites: Sites | undefined,
  call: (block: Block, x: Tensor, layer: number) => Tensor,
): Tensor {
  if (sites !== undefined || isRecording()) return blocks.reduce((entered, block, i) => call(block, entered, i), x);
  return blocks.reduce((entered, block, layer) => {
    const left = tidy(() => call(block, entered, layer));
    if (layer > 0) dispose(entered);
    return left;
  }, x);
}
