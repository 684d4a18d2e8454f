/** Bars: one value for each name, or one for each name and series, with error bars. They lie, so that names can be read. */

import { scoreText, typeset } from "../scoreText.ts";
import { lineText } from "../visibleText.ts";
import { type Drawing, inks, line, moved, rectangle, text } from "./drawing.ts";
import { legend } from "./legend.ts";
import { mutedColor, seriesStyle } from "./palette.ts";
import type { PlotLook } from "./plotLook.ts";
import { type Axis, scaleOf } from "./scale.ts";
import { stacked } from "./stacked.ts";
import { shortenToWidth, textWidth } from "./textWidth.ts";

/** One value for each of the plot's names; NaN leaves a gap. */
export interface BarSeries {
  readonly name: string;
  readonly values: readonly number[];
  /** Half the length of each error bar. */
  readonly errors?: readonly number[];
}

/** Values of named things side by side. */
export interface BarPlot {
  readonly kind: "bars";
  readonly names: readonly string[];
  readonly series: readonly BarSeries[];
  /** Names whose bars are grey: what the others are compared with. */
  readonly muted?: readonly string[];
  /** The axis of the values, which contains 0. */
  readonly value?: Axis;
}

export function bars({ names, series, muted = [], value: axis = {} }: BarPlot, look: PlotLook): Drawing {
  const labels = names.map((name) => shortenToWidth(lineText(name), longest, labelSize));
  const left = Math.max(0, ...labels.map((label) => textWidth(label, labelSize))) + 10;
  const thickness = series.length > 1 ? 9 : 14;
  const row = series.length * (thickness + 1) + 8;
  const width = look.width - left - right;
  const height = names.length * row;
  const ends = series.flatMap(({ values, errors }) =>
    values.flatMap((value, i) => [value - (errors?.[i] ?? 0), value + (errors?.[i] ?? 0)]),
  );
  const scale = scaleOf([0, ...ends], axis, width);
  const { main, soft } = inks[look.theme];
  const grid = scale.ticks.map(({ value, label }) => {
    const at = scale.at(value);
    const stroke = line([at, 0], [at, height], {
      stroke: soft,
      width: value === 0 ? 1 : 0.5,
      opacity: value === 0 ? 1 : 0.3,
    });
    return stroke + text(at, height + 15, label, { size: tickSize, fill: soft, anchor: "middle" });
  });
  const drawn = names.map((name, at) => {
    const label = text(-10, at * row + row / 2 + 4, labels[at] ?? "", { size: labelSize, fill: main, anchor: "end" });
    const each = series.map(({ name: of, values, errors }, index) => {
      const value = values[at] ?? Number.NaN;
      if (!Number.isFinite(value)) return "";
      const y = at * row + 4 + index * (thickness + 1);
      const [from, to] = [scale.at(Math.min(0, value)), scale.at(Math.max(0, value))];
      const tip = lineText(`${name}${series.length > 1 ? `, ${of}` : ""}: ${typeset(scoreText(value, 3))}`);
      const error = errors?.[at] ?? 0;
      const middle = y + thickness / 2;
      const whisker =
        error > 0
          ? line([scale.at(value - error), middle], [scale.at(value + error), middle], { stroke: main, width: 1.2 })
          : "";
      return (
        rectangle(
          from,
          y,
          { width: to - from, height: thickness, radius: 1 },
          muted.includes(name) ? mutedColor(look.theme, index) : seriesStyle(index, look.theme).color,
          tip,
        ) + whisker
      );
    });
    return [label, ...each].join("");
  });
  const caption =
    axis.label === undefined
      ? ""
      : text(width / 2, height + 34, lineText(axis.label), { size: labelSize, fill: main, anchor: "middle" });
  const plot = {
    width: look.width,
    height: height + (axis.label === undefined ? 20 : 40),
    content: moved(left, 0, [...grid, ...drawn, caption].join("\n")),
  };
  return stacked([legend(series, look, false), plot]);
}

const longest = 220;
const labelSize = 12;
const tickSize = 10.5;
const right = 18;
