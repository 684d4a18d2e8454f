/** Which items a model cannot be evaluated on: told before the work, of which each item may take minutes. */

import type { AttributionModel } from "../attributionModel.ts";
import { OptionError } from "../errors.ts";
import type { EvaluateOptions } from "./evaluate.ts";
import type { EvaluationItem } from "./item.ts";
import { askedRemovals, subjectOptions } from "./request.ts";
import { openSubject } from "./subject.ts";

/** An item that does not fit, and why. */
export interface UnfitItem {
  /** Its index. */
  readonly item: number;
  readonly reason: string;
}

/**
 * The items that `evaluate` would refuse: target and foil begin with the same tokens, the text is too long for the model, evidence
 * overlaps no token. Texts are encoded, but not run.
 * @throws OptionError for a way of removing that there is not
 */
export async function unfitItems(
  model: AttributionModel,
  items: readonly EvaluationItem[],
  options: EvaluateOptions = {},
): Promise<UnfitItem[]> {
  const removals = askedRemovals(options);
  const unfit: UnfitItem[] = [];
  for (const [i, item] of items.entries()) {
    try {
      for (const removal of removals) {
        (await openSubject(model, item, subjectOptions(options, item, i, removal, 0))).dispose();
      }
    } catch (error) {
      if (!(error instanceof OptionError)) throw error;
      unfit.push({ item: i, reason: error.message });
    }
  }
  return unfit;
}
