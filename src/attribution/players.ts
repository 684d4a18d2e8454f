/** Who plays: the tokens of each attributed input, by themselves or in words, sentences or spans of characters. */

import { OptionError } from "../errors.ts";
import type { Players } from "../method/perturbation.ts";
import { segmentRanges } from "../text/segments.ts";
import type { Span } from "../text/span.ts";
import type { Encoding } from "../text/tokenizer.ts";
import { recognisedConvention, wordRanges } from "../text/words.ts";

/** A player: tokens that are kept or removed together, at positions of one input. */
export interface Player {
  readonly input: number;
  readonly tokens: readonly number[];
}

/** An attributed input: its tokens, of which those before `length` can be seen by a step. */
export interface PlayedInput {
  readonly encoding: Encoding;
  readonly length: number;
}

/**
 * The players of all inputs, in the order of the text. Given spans are those of the first input; of a second one every token
 * plays for itself.
 * @throws OptionError when spans are out of order, overlap, or hold no token
 */
export function createPlayers(inputs: readonly PlayedInput[], players: Players): Player[] {
  return inputs.flatMap(({ encoding, length }, input) => {
    const groups = groupsOf(encoding, typeof players === "string" || input === 0 ? players : "token");
    return groups.flatMap((tokens): Player[] => {
      const seen = tokens.filter((token) => token < length);
      return seen.length > 0 ? [{ input, tokens: seen }] : [];
    });
  });
}

function groupsOf(encoding: Encoding, players: Players): number[][] {
  const { tokens, spans } = encoding;
  if (players === "token") return tokens.map((_, i) => [i]);
  if (typeof players !== "string") return spanGroups(encoding, players);
  const pieces = tokens.map((token, i) => ({ token, span: spans[i] ?? null }));
  const convention = recognisedConvention(pieces)?.convention ?? { begins: () => true, endsLine: () => false };
  const ranges = players === "word" ? wordRanges(pieces, convention) : segmentRanges(pieces, "sentences");
  return ranges.map(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i));
}

function spanGroups({ spans: places }: Encoding, spans: readonly Span[]): number[][] {
  let before = 0;
  return spans.map((span) => {
    const [start, end] = span;
    if (!Number.isInteger(start) || !Number.isInteger(end) || start < before || end <= start) {
      throw new OptionError(
        "players: expected ascending spans of characters [start, end) without overlaps, received " +
          JSON.stringify(spans),
      );
    }
    before = end;
    const tokens = places.flatMap((place, i) => (place !== null && place[0] < end && place[1] > start ? [i] : []));
    if (tokens.length > 0) return tokens;
    throw new OptionError(
      `players: expected spans with tokens in them, found none in [${start}, ${end}); spans count characters of the ` +
        "input text",
    );
  });
}
