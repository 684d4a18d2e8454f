/**
 * Several foils at once: why this token rather than any of those?
 *
 * A contrastive score needs one number of its foil, x' (its logit, probability or log-probability). Of a set of F foils it
 * gets the `mean` of theirs, their `sum` (of probabilities that of the whole set), or ln Σ e^x' (`logsumexp`: of
 * log-probabilities the log-probability of the set, so that a difference to it is the log-odds of the token against the set).
 */

import { knownName } from "../names.ts";
import { logSumExp, mean, stack, sum, type Tensor } from "../tensor.ts";
import { type FoilReduction, foilReductions, type NextToken, type ScoreOptions } from "./score.ts";

const reductions = {
  mean: (x_FR) => mean(x_FR, 0),
  sum: (x_FR) => sum(x_FR, 0),
  logsumexp: (x_FR) => logSumExp(x_FR, 0),
} as const satisfies Record<FoilReduction, (x_FR: Tensor) => Tensor>;

/**
 * One number [R] of all foils, from one of each.
 * @throws OptionError when the reduction is unknown
 */
export function overFoils(
  { foils, options }: { readonly foils: readonly NextToken[]; readonly options: ScoreOptions },
  of: (foil: NextToken) => Tensor,
): Tensor {
  const reduce = reductions[knownName("foilReduction", options.foilReduction ?? "mean", foilReductions)];
  const [first, ...others] = foils;
  // Of one foil every reduction gives its own number.
  if (first !== undefined && others.length === 0) return of(first);
  return reduce(stack(foils.map(of), 0));
}
