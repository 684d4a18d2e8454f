/** Which tokens of a text belong to which part of it, and which tokens of two texts stand for the same characters. */

import type { Span } from "../text/span.ts";
import type { Encoding } from "../text/tokenizer.ts";

/**
 * Positions of the tokens of a part of a text, special ones left out unless they are to be kept. A token belongs to the part
 * that its first character belongs to.
 */
export function tokensWithin(
  encoding: Encoding,
  region: Span,
  special: ReadonlySet<number>,
  specialTokensToKeep: readonly string[],
): number[] {
  const isKept = (i: number) =>
    !special.has(encoding.ids[i] ?? -1) || specialTokensToKeep.includes(encoding.tokens[i] ?? "");
  return encoding.ids.flatMap((_, i) => {
    const span = encoding.spans[i];
    return span && span[0] >= region[0] && span[0] < region[1] && isKept(i) ? [i] : [];
  });
}

/** The position of the token with character `at` of a text, the `ordinal`-th of several that share it. */
function tokenAt({ spans }: Encoding, at: number, ordinal: number): number | undefined {
  const same = spans.flatMap((span, i) => (span?.[0] === at && span[1] > at ? [i] : []));
  if (same.length > 0) return same[Math.min(ordinal, same.length - 1)];
  const around = spans.findIndex((span) => span && span[0] <= at && span[1] > at);
  return around >= 0 ? around : spans.findIndex((span) => span && span[0] >= at);
}

/**
 * For each of these tokens the one of another text that stands for the same character, where a part of both texts is the same.
 * Tokens nearly always correspond one to one; a text behind a context may be cut into other ones.
 */
export function counterparts(
  positions: readonly number[],
  encoding: Encoding,
  region: Span,
  other: Encoding,
  otherRegion: Span,
): number[] {
  const start = (position: number) => encoding.spans[position]?.[0] ?? 0;
  return positions.map((position, i) => {
    let ordinal = 0;
    while (ordinal < i && start(positions[i - ordinal - 1] ?? 0) === start(position)) ordinal++;
    const found = tokenAt(other, start(position) - region[0] + otherRegion[0], ordinal);
    if (found !== undefined && found >= 0) return found;
    throw new RangeError(`no token at character ${start(position) - region[0]} of the same text`);
  });
}
