/** The names of series with their marks, in rows. */

import { lineText } from "../visibleText.ts";
import { type Drawing, inks, line, text } from "./drawing.ts";
import { type SeriesStyle, seriesStyles } from "./palette.ts";
import type { PlotLook } from "./plotLook.ts";
import { shortenToWidth, textWidth } from "./textWidth.ts";

/** One entry for each series; nothing for fewer than two of them. `lines` draws the dashes, too. */
export function legend(
  series: readonly { readonly name: string; readonly muted?: boolean }[],
  { theme, width }: PlotLook,
  lines: boolean,
): Drawing {
  if (series.length < 2) return { width: 0, height: 0, content: "" };
  const mark = lines ? 26 : 14;
  let [x, y] = [0, 0];
  const styles = seriesStyles(series, theme);
  const entries = series.map(({ name }, index) => {
    const label = shortenToWidth(lineText(name), width - mark, size);
    const room = mark + textWidth(label, size) + 18;
    if (x > 0 && x + room - 18 > width) [x, y] = [0, y + rowHeight];
    const { color, dash, mark: shape } = styles[index] as SeriesStyle;
    const center = [x + (mark - 6) / 2, y + 8] as const;
    const stroke = lines ? line([x, y + 8], [x + mark - 6, y + 8], { stroke: color, width: 2, dash }) : "";
    const drawn = `${stroke}<g fill="${color}">${shape(center, 3.5)}</g>${text(x + mark, y + 12, label, { size, fill: inks[theme].main })}`;
    x += room;
    return drawn;
  });
  return { width, height: y + rowHeight + 8, content: entries.join("\n") };
}

const size = 11.5;
const rowHeight = 19;
