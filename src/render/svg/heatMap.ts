/** A heat map of any values with named rows and columns, in the colours of the attribution maps. */

import { colorFor, textColorFor } from "../colorScale.ts";
import { decimalsFor, scoreText, typeset } from "../scoreText.ts";
import { lineText } from "../visibleText.ts";
import { colorBar } from "./colorBar.ts";
import { type Drawing, inks, moved, rectangle, text } from "./drawing.ts";
import type { PlotLook } from "./plotLook.ts";
import { stacked } from "./stacked.ts";
import { shortenToWidth, textWidth } from "./textWidth.ts";

/** Values in rows and columns. */
export interface HeatMapPlot {
  readonly kind: "heatmap";
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** One list for each row; NaN has no colour. */
  readonly values: readonly (readonly number[])[];
  /** The value with the full colour: one for all by default the largest, or one for each row. */
  readonly maxAbs?: number | "row";
  /** Whether cells contain their values as text. */
  readonly numbers?: boolean;
}

export function heatMap(plot: HeatMapPlot, look: PlotLook): Drawing {
  const { values, maxAbs, numbers = false } = plot;
  const [rows, columns] = [plot.rows.map(lineText), plot.columns.map(lineText)];
  const { main } = inks[look.theme];
  const left = Math.max(24, ...rows.map((row) => Math.min(longest, textWidth(row, labelSize)))) + 8;
  const widths = columns.map((column) => Math.min(longest, textWidth(column, labelSize)));
  const head = Math.max(16, ...widths.map((width) => width * Math.SQRT1_2 + labelSize));
  const largest = (list: readonly number[]): number =>
    list.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
  const overall = typeof maxAbs === "number" ? maxAbs : largest(values.flat());
  const decimals = decimalsFor(overall);
  const cellWidth = numbers ? Math.max(30, textWidth(scoreText(-overall, decimals), numberSize) + 8) : 22;
  const names = columns.map((column, c) =>
    text(left + (c + 0.5) * cellWidth + 3, head, shortenToWidth(column, longest, labelSize), {
      size: labelSize,
      fill: main,
      rotate: -45,
    }),
  );
  const cells = rows.map((row, r) => {
    const list = values[r] ?? [];
    const scale = maxAbs === "row" ? largest(list) : overall;
    const y = head + 6 + r * cellHeight;
    const label = shortenToWidth(row, longest, labelSize);
    const drawn = columns.map((column, c) => {
      const value = list[c] ?? Number.NaN;
      const fill = colorFor(value, scale, look.theme);
      if (fill === null) return "";
      const x = left + c * cellWidth;
      const tip = `${row}, ${column}: ${typeset(String(Number(value.toPrecision(4))))}`;
      const shape = rectangle(x, y, { width: cellWidth - 1, height: cellHeight - 1, radius: 2 }, fill, tip);
      if (!numbers) return shape;
      const style = { size: numberSize, fill: textColorFor(fill, look.theme), anchor: "middle" as const };
      return shape + text(x + (cellWidth - 1) / 2, y + 15, typeset(scoreText(value, decimals)), style);
    });
    return [text(left - 8, y + 15, label, { size: labelSize, fill: main, anchor: "end" }), ...drawn].join("");
  });
  const lean = Math.max(0, ...widths) * Math.SQRT1_2;
  const map = {
    width: left + columns.length * cellWidth + lean,
    height: head + 6 + rows.length * cellHeight + 12,
    content: [...names, ...cells].join("\n"),
  };
  const hasNegative = values.some((list) => list.some((value) => value < 0));
  const bar = colorBar(
    { hasNegative },
    maxAbs === "row" ? { ...look, maxAbs: 1, decimals: 0 } : { ...look, maxAbs: overall, decimals },
  );
  return stacked([map, { width: left + bar.width + 20, height: bar.height, content: moved(left, 0, bar.content) }]);
}

const cellHeight = 22;
const labelSize = 12;
const numberSize = 9.5;
/** No label is wider than this. */
const longest = 180;
