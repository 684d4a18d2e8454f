/** Passes with dropout over a sequence, for scores that compare them. */

import { OptionError } from "../errors.ts";
import { type DropoutRates, dropoutSites, everywhere } from "../model/dropout.ts";
import type { Model } from "../model/model.ts";
import { Random } from "../random.ts";
import { dropoutPasses } from "../score/monteCarlo.ts";
import type { ScoreOptions } from "../score/score.ts";
import type { Tensor } from "../tensor.ts";
import type { Sequence } from "./sequence.ts";
import { sequenceLogits } from "./target.ts";

/** Streams of random numbers that nobody else draws from: methods count theirs from 0, games from 2²⁰. */
const STREAM = 2 ** 31;

/**
 * Logits [G, V] after every attributed position, in so many passes as the score asks for. Pass i draws the same numbers
 * whoever asks for it.
 * @param have passes that there are already
 * @throws OptionError when the model was trained without dropout and no rate is given
 */
export function dropoutLogits(
  model: Model,
  sequence: Sequence,
  options: ScoreOptions,
  seed: number,
  have: number,
): Tensor[] {
  const missing = Math.max(0, dropoutPasses(options) - have);
  const rates = ratesOf(model, options);
  return Array.from({ length: missing }, (_, i) =>
    sequenceLogits(model, sequence, dropoutSites(rates, new Random(seed, STREAM + have + i))),
  );
}

function ratesOf({ facts: { dropout } }: Model, { mcdRate }: ScoreOptions): DropoutRates {
  const { attributes = {}, rates = {} } = dropout ?? {};
  if (mcdRate !== undefined) return everywhere(attributes, mcdRate);
  if (Object.keys(rates).length > 0) return rates;
  throw new OptionError(
    "mc_dropout: the model's config.json states no dropout, so that all passes would be the same; give a probability in " +
      "mcdRate, such as 0.1",
  );
}
