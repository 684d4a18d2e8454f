/** The `pre_tokenizer` of a `tokenizer.json`: cutting a text into the pieces inside which tokens are looked for. */

import { FileError, UnsupportedError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import { asArray, asFlag, asNumber, asObject, asOptionalString, asString } from "./json.ts";
import { byteLevel, prepend, replacing } from "./normalizer.ts";
import { type Matcher, readPattern, regexMatcher } from "./pattern.ts";
import { characterWidth, slice, type TrackedText } from "./trackedText.ts";

/** Cuts one piece into several; none of them is empty. */
export type PreTokenizer = (piece: TrackedText) => readonly TrackedText[];

/** What becomes of the matches that a text is split at. */
type SplitBehavior = "Removed" | "Isolated" | "MergedWithPrevious" | "MergedWithNext" | "Contiguous";

/**
 * Makes a pre-tokenizer from its description; `null` gives the one that does not cut.
 * @throws UnsupportedError naming a type that is not known.
 */
export function createPreTokenizer(value: Json | undefined, where = "pre_tokenizer"): PreTokenizer {
  if (value === null || value === undefined) return (piece) => [piece];
  const config = asObject(value, where);
  const type = asString(config.type, `${where}.type`);
  switch (type) {
    case "Sequence":
      return sequence(
        asArray(config.pretokenizers, `${where}.pretokenizers`).map((part) => createPreTokenizer(part, where)),
      );
    case "ByteLevel":
      return byteLevelWords(
        asFlag(config.add_prefix_space, where, true),
        asFlag(config.use_regex, where, true) ? splitting(regexMatcher(GPT2_WORDS), "Isolated") : (piece) => [piece],
      );
    case "Metaspace":
      return metaspace(config, where);
    case "Whitespace":
      return splitting(
        regexMatcher(
          /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu,
        ),
        "Removed",
        true,
      );
    case "WhitespaceSplit":
      return splitting(regexMatcher(/\p{White_Space}/gu), "Removed");
    case "BertPreTokenizer":
      return sequence([splitting(regexMatcher(/\p{White_Space}/gu), "Removed"), splitting(PUNCTUATION, "Isolated")]);
    case "Punctuation":
      return splitting(PUNCTUATION, readBehavior(config.behavior ?? "Isolated", `${where}.behavior`));
    case "Digits":
      return asFlag(config.individual_digits, where, false)
        ? splitting(regexMatcher(/\p{N}/gu), "Isolated")
        : splitting(regexMatcher(/\p{N}/gu), "Contiguous");
    case "CharDelimiterSplit":
      return splitting(readPattern({ String: asString(config.delimiter, `${where}.delimiter`) }, where), "Removed");
    case "Split":
      return splitting(
        readPattern(config.pattern, `${where}.pattern`),
        readBehavior(config.behavior, `${where}.behavior`),
        asFlag(config.invert, where, false),
      );
    case "FixedLength":
      return fixedLength(asNumber(config.length ?? 5, `${where}.length`));
    default:
      throw new UnsupportedError(
        `${where}: expected one of Sequence, ByteLevel, Metaspace, Whitespace, WhitespaceSplit, BertPreTokenizer, Punctuation, Digits, CharDelimiterSplit, Split, FixedLength, received "${type}"; convert the tokenizer without it`,
      );
  }
}

/** Words, numbers and runs of other characters, each with the space before it (Radford et al. 2019, GPT-2). */
const GPT2_WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

const PUNCTUATION = regexMatcher(/[\p{P}!-/:-@[-`{-~]/gu);

function sequence(parts: readonly PreTokenizer[]): PreTokenizer {
  return (piece) => parts.reduce<readonly TrackedText[]>((pieces, part) => pieces.flatMap(part), [piece]);
}

function byteLevelWords(addPrefixSpace: boolean, split: PreTokenizer): PreTokenizer {
  const addSpace = prepend(" ");
  return (piece) => {
    const spaced = addPrefixSpace && !piece.text.startsWith(" ") ? addSpace(piece) : piece;
    return split(spaced).map(byteLevel);
  };
}

/** Spaces as `▁`, one before the first word too, and a cut before each (`split`). */
function metaspace(config: JsonObject, where: string): PreTokenizer {
  const replacement = asOptionalString(config.replacement, `${where}.replacement`) ?? "▁";
  const oldScheme = asFlag(config.add_prefix_space, where, true) ? "always" : "never";
  const scheme = asOptionalString(config.prepend_scheme, `${where}.prepend_scheme`) ?? oldScheme;
  if (scheme !== "always" && scheme !== "first" && scheme !== "never") {
    throw new FileError(`${where}.prepend_scheme: expected "always", "first" or "never", received "${scheme}"`);
  }
  const spaces = replacing(readPattern({ String: " " }, where), replacement);
  const addSpace = prepend(replacement);
  const split = asFlag(config.split, where, true)
    ? splitting(readPattern({ String: replacement }, where), "MergedWithNext")
    : (piece: TrackedText) => [piece];
  return (piece) => {
    const marked = spaces(piece);
    const wanted = scheme === "always" || (scheme === "first" && marked.starts[0] === 0);
    return split(wanted && !marked.text.startsWith(replacement) ? addSpace(marked) : marked);
  };
}

function fixedLength(length: number): PreTokenizer {
  return (piece) => {
    const pieces: TrackedText[] = [];
    for (let start = 0; start < piece.text.length; ) {
      let end = start;
      for (let count = 0; count < length && end < piece.text.length; count++) end += characterWidth(piece.text, end);
      pieces.push(slice(piece, start, end));
      start = end;
    }
    return pieces;
  };
}

function readBehavior(value: Json | undefined, where: string): SplitBehavior {
  switch (value) {
    case "Removed":
    case "Isolated":
    case "MergedWithPrevious":
    case "MergedWithNext":
    case "Contiguous":
      return value;
    default:
      throw new FileError(
        `${where}: expected Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous, received ${JSON.stringify(value)}`,
      );
  }
}

/** Splits at the matches, or with `invert` at what lies between them. */
function splitting(matcher: Matcher, behavior: SplitBehavior, invert = false): PreTokenizer {
  return (piece) => {
    const parts: Part[] = [];
    let read = 0;
    for (const [start, end] of matcher(piece.text)) {
      if (start > read) parts.push({ start: read, end: start, cut: invert });
      parts.push({ start, end, cut: !invert });
      read = end;
    }
    if (read < piece.text.length) parts.push({ start: read, end: piece.text.length, cut: invert });
    return join(parts, behavior).map(({ start, end }) => slice(piece, start, end));
  };
}

interface Part {
  readonly start: number;
  readonly end: number;
  /** Whether the text is cut at this part, as opposed to being left by cutting. */
  readonly cut: boolean;
}

function join(parts: readonly Part[], behavior: SplitBehavior): readonly Part[] {
  switch (behavior) {
    case "Removed":
      return parts.filter((part) => !part.cut);
    case "Isolated":
      return parts;
    case "Contiguous":
      return joinWhen(parts, (previous, next) => previous.cut === next.cut);
    case "MergedWithPrevious":
      return joinWhen(parts, (previous, next) => next.cut && !previous.cut);
    case "MergedWithNext":
      return joinWhen(parts, (previous, next) => previous.cut && !next.cut);
    default:
      return behavior satisfies never;
  }
}

/** Joins neighbours for which `together` holds; it is asked about the parts as they were, not about joined ones. */
function joinWhen(parts: readonly Part[], together: (previous: Part, next: Part) => boolean): Part[] {
  const joined: Part[] = [];
  parts.forEach((part, index) => {
    const previous = parts[index - 1];
    const last = joined.at(-1);
    if (previous !== undefined && last !== undefined && together(previous, part)) {
      joined[joined.length - 1] = { ...last, end: part.end };
    } else {
      joined.push(part);
    }
  });
  return joined;
}
