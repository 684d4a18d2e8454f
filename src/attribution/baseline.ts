/**
 * Baseline ids by Inseq's rule: every token becomes UNK, except EOS, which stays (and so gets a score of zero).
 *
 * A tokenizer without UNK uses PAD, and one without PAD uses EOS. The decoder start token of an encoder-decoder model
 * stays itself: nothing can be learnt from its absence.
 */

import { ConfigError } from "../errors.ts";

export interface BaselineTokens {
  readonly unk: number | null;
  readonly pad: number | null;
  readonly eos: readonly number[];
}

/** @throws ConfigError when the model has none of UNK, PAD and EOS */
export function baselineIds(ids: readonly number[], tokens: BaselineTokens, includeEos: boolean): number[] {
  const replacement = tokens.unk ?? tokens.pad ?? tokens.eos[0];
  if (replacement === undefined) {
    throw new ConfigError("baseline: expected the tokenizer to have an unknown, padding or end token, found none");
  }
  return ids.map((id) => (!includeEos && tokens.eos.includes(id) ? id : replacement));
}
