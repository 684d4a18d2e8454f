/** Which tokens of a text belong to which part of it, and which tokens of two texts stand for the same characters. */

import type { Span } from "../text/span.ts";
import type { Encoding, Tokenizer } from "../text/tokenizer.ts";

/**
 * Positions of the tokens of a part of a text, special ones left out unless they are to be kept or stand for an unknown word. A
 * token belongs to the part that its first character belongs to; a space of its own before the part's first word belongs to that
 * word, as it does where both are one token.
 */
export function tokensWithin(
  encoding: Encoding,
  region: Span,
  { specialIds, special }: Pick<Tokenizer, "specialIds" | "special">,
  specialTokensToKeep: readonly string[],
): number[] {
  const { unk, bos, eos, pad } = special;
  const isWord = (id: number) => !specialIds.has(id) || (id === unk && ![bos, eos, pad].includes(id));
  const isKept = (i: number) => isWord(encoding.ids[i] ?? -1) || specialTokensToKeep.includes(encoding.tokens[i] ?? "");
  const positions = encoding.ids.flatMap((_, i) => {
    const span = encoding.spans[i];
    return span && span[0] >= region[0] && span[0] < region[1] && isKept(i) ? [i] : [];
  });
  const before = (positions[0] ?? 0) - 1;
  const isSpace = encoding.tokens[before] === "▁" && encoding.spans[before]?.[1] === region[0];
  return isSpace ? [before, ...positions] : positions;
}

/** The position of the token with character `at` of a text, the `ordinal`-th of several that share it. */
function tokenAt({ spans }: Encoding, at: number, ordinal: number): number | undefined {
  const same = spans.flatMap((span, i) => (span?.[0] === at && span[1] > at ? [i] : []));
  if (same.length > 0) return same[Math.min(ordinal, same.length - 1)];
  const around = spans.findIndex((span) => span && span[0] <= at && span[1] > at);
  return around >= 0 ? around : spans.findIndex((span) => span && span[0] >= at);
}

/** Tokens of a part of a text. */
export interface PartTokens {
  readonly encoding: Encoding;
  readonly region: Span;
  readonly positions: readonly number[];
}

/**
 * For each token of a part the one of another text with the same part: the same token, or where the texts are cut into other
 * tokens, the one that stands for the same character. Only its surroundings can make a text other tokens.
 */
export function counterparts(part: PartTokens, other: PartTokens): number[] {
  const { encoding, region, positions } = part;
  const same = ({ encoding: { tokens }, positions: all }: PartTokens) =>
    all.slice(1).map((position) => tokens[position]);
  const isSame =
    positions.length === other.positions.length && same(part).every((token, i) => token === same(other)[i]);
  if (isSame) return [...other.positions];
  const start = (position: number) => encoding.spans[position]?.[0] ?? 0;
  return positions.map((position, i) => {
    let ordinal = 0;
    while (ordinal < i && start(positions[i - ordinal - 1] ?? 0) === start(position)) ordinal++;
    const found = tokenAt(other.encoding, start(position) - region[0] + other.region[0], ordinal);
    if (found !== undefined && found >= 0) return found;
    throw new RangeError(`no token at character ${start(position) - region[0]} of the same text`);
  });
}
