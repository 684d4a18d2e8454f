/** Text in columns: widths as a terminal shows them (wide CJK and emoji take two columns, combining marks none). */

import stringWidth from "string-width";

/** The columns that `text` takes; escape sequences take none. */
export function columnsOf(text: string): number {
  return /^[ -~·…░▒▓█]*$/.test(text) ? text.length : stringWidth(text);
}

/** `text`, shortened with `…` to at most `width` columns. */
export function shorten(text: string, width: number): string {
  if (columnsOf(text) <= width) return text;
  let kept = "";
  for (const { segment } of graphemes.segment(text)) {
    if (columnsOf(kept + segment) > width - 1) break;
    kept += segment;
  }
  return width > 0 ? `${kept}…` : "";
}

export function padStart(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - columnsOf(text))) + text;
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - columnsOf(text)));
}

/** `text` in pieces of at most `width` columns, for words that are longer than a line. */
export function pieces(text: string, width: number): string[] {
  if (columnsOf(text) <= width) return [text];
  const found: string[] = [];
  let piece = "";
  for (const { segment } of graphemes.segment(text)) {
    if (piece !== "" && columnsOf(piece + segment) > width) {
      found.push(piece);
      piece = "";
    }
    piece += segment;
  }
  return [...found, piece];
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
