/**
 * Text that comes from a model or a file, made safe to look at: everything that a reader would not see, or that would
 * change how its surroundings are shown (control and escape characters, changes of writing direction, invisible
 * characters, halves of surrogate pairs, towers of accents), is replaced by visible signs.
 *
 * This makes text harmless in a terminal and well formed in XML; it does not escape `<` and `&` (see `markup.ts`).
 */

import { contrastArrow } from "../text/tokenText.ts";

/** As a label in a table: spaces are shown as `·`, line ends as `↵`, so that every character can be seen. */
export function labelText(text: string): string {
  // The arrow of a contrastive pair is ours: the spaces around it are none of a token's.
  return text
    .split(contrastArrow)
    .map((choice) => visible(choice).replace(/\p{Zs}/gu, "·"))
    .join(contrastArrow);
}

/** As one line, for headings: every kind of space as a plain one. */
export function lineText(text: string): string {
  return visible(text).replace(/\p{Zs}/gu, " ");
}

/** As running text: spaces stay spaces, and a line still ends after the sign `↵`. */
export function runningText(text: string): string {
  return visible(text)
    .replaceAll("↵", "↵\n")
    .replace(/\p{Zs}/gu, " ");
}

function visible(text: string): string {
  return text
    .replace(/\r\n/g, "\n")
    .replace(/(\p{M}{6})\p{M}+/gu, "$1…")
    .replace(unseen, (sign, offset: number, whole: string) => (joins(sign, offset, whole) ? sign : substitute(sign)));
}

/** Control, format, surrogate and non-characters, line separators, and what a renderer is allowed to leave out. */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}\p{Default_Ignorable_Code_Point}]/gu;

/** Joiners and variation selectors belong to emoji and to several scripts, where they stand after what they act upon. */
function joins(sign: string, offset: number, whole: string): boolean {
  const before = whole.slice(0, offset);
  if (/^[\uFE00-\uFE0F]$/u.test(sign)) return /[\p{L}\p{S}\p{P}\p{N}]$/u.test(before);
  if (!/^[\u200C\u200D]$/u.test(sign)) return false;
  const after = whole.slice(offset + sign.length);
  return /[\p{L}\p{M}\p{S}]$/u.test(before) && /^[\p{L}\p{M}\p{S}]/u.test(after);
}

function substitute(sign: string): string {
  const code = sign.codePointAt(0) ?? 0;
  if (sign === "\n") return "↵";
  if (sign === "\t") return "⇥";
  const name = controlNames[code] ?? shortNames.get(code);
  return `⟨${name ?? `U+${code.toString(16).toUpperCase().padStart(4, "0")}`}⟩`;
}

/** The control characters 0 to 31, as ASCII names them. */
const controlNames =
  "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US".split(
    " ",
  );

/** The usual abbreviations, from the Unicode standard's charts. */
const shortNames: ReadonlyMap<number, string> = new Map([
  [0x007f, "DEL"],
  [0x00ad, "SHY"],
  [0x061c, "ALM"],
  [0x200b, "ZWSP"],
  [0x200c, "ZWNJ"],
  [0x200d, "ZWJ"],
  [0x200e, "LRM"],
  [0x200f, "RLM"],
  [0x2028, "LS"],
  [0x2029, "PS"],
  [0x202a, "LRE"],
  [0x202b, "RLE"],
  [0x202c, "PDF"],
  [0x202d, "LRO"],
  [0x202e, "RLO"],
  [0x2060, "WJ"],
  [0x2066, "LRI"],
  [0x2067, "RLI"],
  [0x2068, "FSI"],
  [0x2069, "PDI"],
  [0xfeff, "BOM"],
]);
