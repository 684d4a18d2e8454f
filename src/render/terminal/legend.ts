/** The line that says what colours and signs mean. */

import { scoreText } from "../scoreText.ts";
import type { SequenceView } from "../sequenceView.ts";
import { shorten } from "./cells.ts";
import type { TerminalFrame } from "./frame.ts";
import { dim, type Palette, paint } from "./paint.ts";
import { wrapWords } from "./wrapWords.ts";

/** A colour bar with its ends, or the shades with theirs where there is no colour. */
export function legend(view: SequenceView, { palette, decimals, width }: TerminalFrame): string[] {
  const most = shorten(scoreText(palette.maxAbs, decimals), width);
  if (palette.level === 0) return wrapWords([..."░ ▒ ▓ █ : from 20, 40, 60, 80 % of".split(" "), most, "up"], width);
  const least = view.hasNegative ? shorten(`-${most}`, width) : "0";
  const length = Math.max(5, Math.min(21, width - least.length - most.length - 2));
  return wrapWords([dim(least, palette), bar(length, view.hasNegative, palette), dim(most, palette)], width);
}

function bar(length: number, hasNegative: boolean, palette: Palette): string {
  const start = hasNegative ? -1 : 0;
  const steps = Array.from({ length }, (_, step) => start + ((1 - start) * step) / (length - 1));
  return steps.map((strength) => paint(" ", strength * palette.maxAbs, palette)).join("");
}
