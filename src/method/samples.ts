/** How many samples a method that draws may be asked for. */

import { OptionError } from "../errors.ts";

/** @throws OptionError when there is nothing to average */
export function checkSamples(nSamples: number): void {
  if (Number.isInteger(nSamples) && nSamples > 0) return;
  throw new OptionError(`nSamples: expected a positive integer, received ${nSamples}`);
}
