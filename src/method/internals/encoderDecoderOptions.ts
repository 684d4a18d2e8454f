/** Options about an encoder, or about a decoder beside one: on a decoder-only model they would change nothing. */

import { OptionError } from "../../errors.ts";
import type { Internals } from "./internals.ts";

/** @throws OptionError when one of `names` was given for a decoder-only model; `advice` says what to do instead */
export function checkEncoderDecoderOptions<Options extends object>(
  { sourceLength }: Internals,
  options: Options,
  names: readonly (keyof Options & string)[],
  advice = "",
): void {
  if (sourceLength !== null) return;
  const stray = names.filter((name) => options[name] !== undefined);
  if (stray.length === 0) return;
  throw new OptionError(
    `${stray.join(", ")}: expected an encoder-decoder model, received a decoder-only one; leave it out${advice}`,
  );
}
