/**
 * How metrics remove players. The operator changes the ranking of methods, so every result names it.
 *
 *   delete     tokens are taken out, and those behind them move up
 *   pad, mask  the tokenizer's token of this name takes their place
 *   zero       zeros take the place of their embeddings
 *   mean       the mean of all embeddings does
 *   resample   tokens drawn from the vocabulary do, new ones for every coalition
 */

import type { BaselineChoice } from "../attribution/texts/baseline.ts";
import type { Removal } from "../method/perturbation/perturbation.ts";

/** In terms of the perturbation methods' removal; the baseline of `delete` stands where nothing else is left. */
export const removalOperators = {
  delete: { removal: "delete", baseline: "mean" },
  pad: { removal: "replace", baseline: "pad" },
  mask: { removal: "replace", baseline: "mask" },
  zero: { removal: "replace", baseline: "zero" },
  mean: { removal: "replace", baseline: "mean" },
  resample: { removal: "resample", baseline: "mean" },
} as const satisfies Record<string, { readonly removal: Removal; readonly baseline: BaselineChoice }>;

/** The name of a way to remove words. */
export type RemovalOperator = keyof typeof removalOperators;

/** The names of the removal operators. */
export function listRemovalOperators(): RemovalOperator[] {
  return Object.keys(removalOperators) as RemovalOperator[];
}
