/**
 * Another context to compare with, of which the attributed inputs are a part.
 *
 * An encoder-decoder model can be compared under another target with the same source, or under another source with the
 * same target. The part that both contexts share is an input of both, so the gradient flows through both passes. (The
 * contrast of a decoder-only model shares nothing: it is a constant.)
 */

import type { EncoderDecoderModel, Model } from "../model/model.ts";
import { int32, slice, type Tensor, tile } from "../tensor.ts";
import type { Sequence } from "./sequence.ts";
import type { Contrast } from "./texts/contrast.ts";

/** Whether the contrast's context contains an attributed input. */
export function sharesInputs(model: Model, contrast: Contrast, attributeTarget: boolean): model is EncoderDecoderModel {
  if (model.kind === "decoder-only") return false;
  return contrast.source === null || (contrast.target === null && attributeTarget);
}

/**
 * Logits [R, V] before the contrast's tokens, differentiable in the shared part of the rows.
 * @param rows the attributed inputs: source [R, S, D] and, if it is attributed, target prefix [R, T, D]
 * @param positions_R the position before the contrast's token, for each row
 */
export function sharedContrastLogits(
  model: EncoderDecoderModel,
  sequence: Sequence,
  contrast: Contrast,
  rows: readonly Tensor[],
  positions_R: readonly number[],
): Tensor {
  const R = positions_R.length;
  const prefix = (contrast.target ?? sequence.target).ids.slice(0, Math.max(...positions_R) + 1);
  const [source, target] = rows;
  const embeddings_BSD =
    contrast.source === null && source !== undefined
      ? source
      : tile(model.embedSource(row(contrast.source?.ids ?? [])), [R, 1, 1]);
  const embeddings_BTD =
    contrast.target === null && target !== undefined
      ? slice(target, [0, 0, 0], [R, prefix.length, target.shape[2] ?? 0])
      : tile(model.embedTarget(row(prefix)), [R, 1, 1]);
  return model.decode({ embeddings_BTD, targets_B: int32(positions_R) }, model.encode({ embeddings_BSD }));
}

const row = (ids: readonly number[]): Tensor => int32(ids, [1, ids.length]);
