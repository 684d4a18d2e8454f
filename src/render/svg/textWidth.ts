/** How wide a text will be, without a font at hand: the advance widths of Helvetica, and estimates elsewhere. */

import stringWidth from "string-width";

/** Pixels of `text` at a font size. */
export function textWidth(text: string, size: number): number {
  let thousandths = 0;
  for (const { segment } of graphemes.segment(text)) {
    const code = segment.codePointAt(0) ?? 0;
    const known = code >= 32 && code < 127 ? helvetica[code - 32] : undefined;
    thousandths += known ?? [0, 600, 1000][Math.min(2, stringWidth(segment))] ?? 600;
  }
  return (thousandths * size) / 1000;
}

/** `text`, shortened with `…` to at most `width` pixels. */
export function shortenToWidth(text: string, width: number, size: number): string {
  if (textWidth(text, size) <= width) return text;
  let kept = "";
  for (const { segment } of graphemes.segment(text)) {
    if (textWidth(`${kept}${segment}…`, size) > width) break;
    kept += segment;
  }
  return `${kept}…`;
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Thousandths of the font size for the characters from space to `~` (Adobe's metrics of Helvetica). */
const helvetica = [
  278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
  556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
  722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
  556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
  260, 334, 584,
];
