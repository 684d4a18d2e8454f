/** Colours and emphasis as terminal escape sequences (ECMA-48, "select graphic rendition"), at four levels of ability. */

import { ansi256, channels, colorFor, relativeStrength, type Theme, textColorFor } from "../colorScale.ts";

/** 0 none, 1 the 16 basic colours, 2 256 colours, 3 true colour. */
export type ColorLevel = 0 | 1 | 2 | 3;

export interface Palette {
  readonly level: ColorLevel;
  readonly theme: Theme;
  /** The absolute score that has the full colour. */
  readonly maxAbs: number;
}

/** `text` on the background of `value`; unchanged at level 0 and for scores that are as good as zero. */
export function paint(text: string, value: number, palette: Palette): string {
  const codes = scoreCodes(value, palette);
  return codes === null || text === "" ? text : `\u001b[${codes}m${text}\u001b[0m`;
}

/** Strong text, for headings. */
export function bold(text: string, { level }: Palette): string {
  return level === 0 || text === "" ? text : `\u001b[1m${text}\u001b[0m`;
}

/** Faint text, for what is not a score. */
export function dim(text: string, { level }: Palette): string {
  return level === 0 || text === "" ? text : `\u001b[2m${text}\u001b[0m`;
}

/** One character that says how strong a score is, for terminals without colour. */
export function shade(value: number, { maxAbs }: Palette): string {
  const step = Math.floor(Math.abs(relativeStrength(value, maxAbs)) * 5);
  return [" ", "░", "▒", "▓", "█", "█"][step] ?? " ";
}

/** The weakest score, relative to the largest, that is painted: below it the background is the terminal's own. */
const faintest = 0.03;

function scoreCodes(value: number, { level, theme, maxAbs }: Palette): string | null {
  const strength = relativeStrength(value, maxAbs);
  if (level === 0 || Number.isNaN(value) || Math.abs(strength) < faintest) return null;
  if (level === 1) return basicCodes(strength);
  const background = colorFor(value, maxAbs, theme);
  if (background === null) return null;
  const text = textColorFor(background, theme);
  if (level === 2) return `48;5;${ansi256(background)};38;5;${ansi256(text)}`;
  return `48;2;${channels(background).join(";")};38;2;${channels(text).join(";")}`;
}

/** Red for positive and blue for negative scores: as text from a fifth of the largest, as background from the half. */
function basicCodes(strength: number): string | null {
  const color = strength > 0 ? 1 : 4;
  if (Math.abs(strength) >= 0.5) return `1;97;4${color}`;
  return Math.abs(strength) >= 0.2 ? `3${color}` : null;
}
