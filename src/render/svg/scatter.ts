/** Points with two values each, named where there is room, in groups; straight lines through them. */

import { lineText } from "../visibleText.ts";
import { type Area, withAxes } from "./axes.ts";
import { type Drawing, ground, inks, line, type Point, path, text, tooltip } from "./drawing.ts";
import { legend } from "./legend.ts";
import { seriesStyle } from "./palette.ts";
import type { PlotLook } from "./plotLook.ts";
import type { Axis } from "./scale.ts";
import { stacked } from "./stacked.ts";
import { textWidth } from "./textWidth.ts";

/** One thing. */
export interface ScatterPoint {
  readonly x: number;
  readonly y: number;
  /** Written beside the point where there is room, and always in its tooltip. */
  readonly label?: string;
  /** Half the lengths of the error bars. */
  readonly errorX?: number;
  readonly errorY?: number;
}

/** Things of one kind. */
export interface ScatterSeries {
  readonly name: string;
  readonly points: readonly ScatterPoint[];
}

/** Things with two values each. */
export interface ScatterPlot {
  readonly kind: "scatter";
  readonly series: readonly ScatterSeries[];
  readonly x?: Axis;
  readonly y?: Axis;
  /** Lines between two places, such as a regression, behind the points. */
  readonly lines?: readonly { readonly from: Point; readonly to: Point }[];
}

export function scatter({ series, x = {}, y = {}, lines = [] }: ScatterPlot, look: PlotLook): Drawing {
  const points = series.flatMap((one) => one.points);
  const ends = lines.flatMap(({ from, to }) => [from, to]);
  const xs = [...points.flatMap((p) => [p.x - (p.errorX ?? 0), p.x + (p.errorX ?? 0)]), ...ends.map(([at]) => at)];
  const ys = [...points.flatMap((p) => [p.y - (p.errorY ?? 0), p.y + (p.errorY ?? 0)]), ...ends.map(([, at]) => at)];
  const plot = withAxes(xs, ys, x, y, look, (area) => {
    const through = lines.map(({ from, to }) =>
      path([area.place(...from), area.place(...to)], { stroke: inks[look.theme].soft, width: 1.5, dash: "5 4" }),
    );
    const drawn = series.map((one, index) => group(one, index, area, look));
    return [...through, ...drawn, ...labels(points, area, look)].join("\n");
  });
  return stacked([legend(series, look, false), plot]);
}

function group({ name, points }: ScatterSeries, index: number, area: Area, { theme }: PlotLook): string {
  const { color, mark } = seriesStyle(index, theme);
  const whiskers = points.flatMap(({ x, y, errorX = 0, errorY = 0 }) => [
    ...(errorX > 0 ? [line(area.place(x - errorX, y), area.place(x + errorX, y), { stroke: color, width: 1 })] : []),
    ...(errorY > 0 ? [line(area.place(x, y - errorY), area.place(x, y + errorY), { stroke: color, width: 1 })] : []),
  ]);
  const marked = points.map(({ x, y, label }) => {
    const tip = `${label ?? name}: ${Number(x.toPrecision(4))}, ${Number(y.toPrecision(4))}`;
    return tooltip(mark(area.place(x, y), 4), tip);
  });
  return `${whiskers.join("")}<g fill="${color}" fill-opacity="0.85">${marked.join("")}</g>`;
}

/** Each label beside its point, at the first of several places where it hides nothing; else left to the tooltip. */
function labels(points: readonly ScatterPoint[], area: Area, { theme }: PlotLook): string[] {
  const taken: Box[] = points.map(({ x, y }) => {
    const [px, py] = area.place(x, y);
    return [px - 4, py - 4, px + 4, py + 4];
  });
  return points.flatMap(({ x, y, label }) => {
    if (label === undefined || label === "") return [];
    const [px, py] = area.place(x, y);
    const name = lineText(label);
    const width = textWidth(name, labelSize);
    const places: readonly Point[] = [
      [px + 7, py + 4],
      [px - 7 - width, py + 4],
      [px - width / 2, py - 8],
      [px - width / 2, py + 16],
      [px + 6, py - 8],
      [px + 6, py + 16],
      [px - 6 - width, py - 8],
      [px - 6 - width, py + 16],
    ];
    for (const [left, base] of places) {
      const box: Box = [left - 2, base - labelSize + 2, left + width + 2, base + 2];
      const isInside = box[0] >= -2 && box[1] >= -6 && box[2] <= area.width + 16 && box[3] <= area.height;
      if (!isInside || taken.some((other) => overlap(box, other))) continue;
      taken.push(box);
      return [text(left, base, name, { size: labelSize, fill: inks[theme].main, rim: ground(theme) })];
    }
    return [];
  });
}

/** Left, top, right, bottom. */
type Box = readonly [number, number, number, number];

const overlap = (a: Box, b: Box): boolean => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

const labelSize = 10.5;
