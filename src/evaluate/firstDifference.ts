/** Where two outputs of a model part: what contrastive scores compare. */

import type { AttributionModel } from "../attributionModel.ts";
import { OptionError } from "../errors.ts";

/**
 * The position, as `attribute` counts target positions, of the first token in which two texts differ.
 * @throws OptionError when there is none
 */
export function firstDifference(model: AttributionModel, target: string, foil: string): number {
  const asTarget = model.model.kind === "encoder-decoder";
  const [chosen, other] = [target, foil].map((text) => model.encode(text, { asTarget }).ids);
  const first = chosen?.findIndex((id, i) => id !== other?.[i]) ?? -1;
  if (first < 0 || first >= (other?.length ?? 0)) {
    throw new OptionError(`expected two texts with another token in one place, received "${target}" and "${foil}"`);
  }
  // The decoder of an encoder-decoder model begins with a start token, which texts do not have.
  return asTarget ? first + 1 : first;
}
