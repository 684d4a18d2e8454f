/** Who plays: the tokens of each attributed input, by themselves or in words, sentences, documents, turns or spans of characters. */

import { OptionError } from "../../errors.ts";
import type { Tree } from "../../method/perturbation/game.ts";
import type { Players } from "../../method/perturbation/perturbation.ts";
import { segmentRanges } from "../../text/segments.ts";
import type { Span } from "../../text/span.ts";
import type { Encoding } from "../../text/tokenizer.ts";
import { recognisedConvention, wordRanges } from "../../text/words.ts";

/** A player: tokens that are kept or removed together, at positions of one input. */
export interface Player {
  readonly input: number;
  readonly tokens: readonly number[];
}

/** An attributed input: its tokens, of which those before `length` can be seen by a step. */
export interface PlayedInput {
  readonly encoding: Encoding;
  readonly length: number;
  /** What the model writes begins here, if it is behind a prompt: no paragraph, document or turn reaches into it. */
  readonly written?: number | undefined;
  /** Of a conversation the ranges of tokens of its turns. */
  readonly turns?: readonly Span[] | undefined;
}

/**
 * The players of all inputs, in the order of the text. Given spans are those of the first input; of a second one every token
 * plays for itself.
 * @throws OptionError when spans are out of order, overlap, or hold no token, and for turns of what is no conversation
 */
export function createPlayers(inputs: readonly PlayedInput[], players: Players): Player[] {
  if (players === "turn" && inputs.every(({ turns }) => turns === undefined)) {
    throw new OptionError(
      'players: "turn" expected a conversation, but a text is attributed; give messages { role, content }, or spans',
    );
  }
  return inputs.flatMap(({ encoding, length, ...segments }, input) => {
    const choice = typeof players === "string" || input === 0 ? players : "token";
    const groups = tokenGroups("players", encoding, choice, segments);
    return groups.flatMap((tokens): Player[] => {
      const seen = tokens.filter((token) => token < length);
      return seen.length > 0 ? [{ input, tokens: seen }] : [];
    });
  });
}

/**
 * Players in groups within groups, from the inside out: neighbours whose first tokens are in one group of a level are one
 * branch; who is outside of all groups stays by itself. Given spans are those of the first input.
 * @throws OptionError when spans are out of order, overlap, or hold no token
 */
export function createTree(
  inputs: readonly PlayedInput[],
  players: readonly Player[],
  levels: readonly Players[],
): readonly Tree[] {
  let branches = players.map((player, p) => ({ tree: p as Tree, player }));
  for (const level of levels) {
    const groups = inputs.map(({ encoding, ...segments }, input) =>
      typeof level === "string" || input === 0 ? tokenGroups("players", encoding, level, segments) : [],
    );
    const groupOf = ({ input, tokens }: Player): number =>
      groups[input]?.findIndex((group) => group.includes(tokens[0] ?? -1)) ?? -1;
    const grouped: { trees: Tree[]; player: Player }[] = [];
    for (const { tree, player } of branches) {
      const last = grouped.at(-1);
      const group = groupOf(player);
      const isSame = group >= 0 && last?.player.input === player.input && groupOf(last.player) === group;
      if (isSame) last.trees.push(tree);
      else grouped.push({ trees: [tree], player });
    }
    branches = grouped.map(({ trees, player }) => ({
      tree: trees.length === 1 ? (trees[0] as Tree) : trees,
      player,
    }));
  }
  return branches.map(({ tree }) => tree);
}

/** The levels that are larger than the players. */
export function largerLevels(players: Players): readonly Players[] {
  if (players === "token") return ["word", "sentence"];
  return players === "word" ? ["sentence"] : [];
}

/** Kinds of players by what a text can be cut into. */
const segmentsOf = { sentence: "sentences", paragraph: "paragraphs", document: "documents" } as const;

/**
 * Tokens of a text by themselves, in words, sentences, paragraphs, documents or turns, or in spans of characters.
 * @param option what they were asked for with, for messages
 * @throws OptionError when spans are out of order, overlap, or hold no token
 */
export function tokenGroups(
  option: string,
  encoding: Encoding,
  players: Players,
  { written = 0, turns = [] }: Pick<PlayedInput, "written" | "turns"> = {},
): number[][] {
  const { tokens, spans } = encoding;
  if (players === "token") return tokens.map((_, i) => [i]);
  if (typeof players !== "string") return spanGroups(option, encoding, players);
  const pieces = tokens.map((token, i) => ({ token, span: spans[i] ?? null }));
  const convention = recognisedConvention(pieces)?.convention ?? { begins: () => true, endsLine: () => false };
  const ranges = (): readonly Span[] => {
    switch (players) {
      case "word":
        return wordRanges(pieces, convention);
      case "sentence":
        return segmentRanges(pieces, segmentsOf[players]);
      case "paragraph":
      case "document":
        return cutAt(written, segmentRanges(pieces, segmentsOf[players]));
      case "turn":
        return cutAt(written, withRest(turns, tokens.length));
      default:
        throw players satisfies never;
    }
  };
  return ranges().map(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i));
}

/** Ranges none of which reaches over a place. */
const cutAt = (place: number, ranges: readonly Span[]): Span[] =>
  ranges.flatMap(([from, to]): Span[] =>
    from < place && place < to
      ? [
          [from, place],
          [place, to],
        ]
      : [[from, to]],
  );

/** The ranges, and one of what is behind the last of them. */
function withRest(ranges: readonly Span[], length: number): Span[] {
  const end = ranges.at(-1)?.[1] ?? 0;
  return end < length ? [...ranges, [end, length]] : [...ranges];
}

function spanGroups(option: string, { spans: places }: Encoding, spans: readonly Span[]): number[][] {
  let before = 0;
  return spans.map((span) => {
    const [start, end] = span;
    if (!Number.isInteger(start) || !Number.isInteger(end) || start < before || end <= start) {
      throw new OptionError(
        `${option}: expected ascending spans of characters [start, end) without overlaps, received ${JSON.stringify(spans)}`,
      );
    }
    before = end;
    const tokens = places.flatMap((place, i) => (place !== null && place[0] < end && place[1] > start ? [i] : []));
    if (tokens.length > 0) return tokens;
    throw new OptionError(
      `${option}: expected spans with tokens in them, found none in [${start}, ${end}); spans count characters of the text`,
    );
  });
}
