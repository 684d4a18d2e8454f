/** The colour bar of a figure, with the numbers at its ends. */

import { colorFor } from "../colorScale.ts";
import { scoreText, typeset } from "../scoreText.ts";
import type { SequenceView } from "../sequenceView.ts";
import { type Drawing, inks, rectangle, text } from "./drawing.ts";
import type { Figure } from "./figure.ts";

/** A horizontal bar from the lowest colour in use to the highest, its numbers below. */
export function colorBar(
  view: Pick<SequenceView, "hasNegative">,
  { theme, maxAbs, decimals }: Pick<Figure, "theme" | "maxAbs" | "decimals">,
): Drawing {
  const start = view.hasNegative ? -1 : 0;
  const steps = Array.from({ length: stepCount }, (_, step) => {
    const strength = start + ((1 - start) * (step + 0.5)) / stepCount;
    const fill = colorFor(strength, 1, theme) ?? inks[theme].soft;
    // One pixel wider than its share, so that no seam shows between the steps.
    const width = barWidth / stepCount + (step < stepCount - 1 ? 1 : 0);
    return rectangle((step * barWidth) / stepCount, 0, { width, height: 9 }, fill);
  });
  const frame = `<rect x="0" y="0" width="${barWidth}" height="9" fill="none" stroke="${inks[theme].soft}" stroke-width="0.5"/>`;
  const ticks = view.hasNegative ? [-1, 0, 1] : [0, 1];
  const numbers = ticks.map((tick) => {
    const at = ((tick - start) / (1 - start)) * barWidth;
    const label = tick === 0 ? "0" : typeset(scoreText(tick * maxAbs, decimals));
    return text(at, 22, label, { size: 10, fill: inks[theme].soft, anchor: "middle" });
  });
  return { width: barWidth, height: 26, content: [...steps, frame, ...numbers].join("\n") };
}

const barWidth = 180;
const stepCount = 60;
