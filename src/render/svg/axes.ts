/** The frame of a plot: two axes with ticks, faint lines behind the values, names. */

import { lineText } from "../visibleText.ts";
import { type Drawing, inks, line, moved, type Point, text } from "./drawing.ts";
import type { PlotLook } from "./plotLook.ts";
import { type Axis, type Scale, scaleOf } from "./scale.ts";
import { textWidth } from "./textWidth.ts";

/** Where values stand, in pixels of the plot's area: x to the right, y down. */
export interface Area {
  readonly width: number;
  readonly height: number;
  readonly place: (x: number, y: number) => Point;
}

/** A plot of these values: `draw` is given the area and returns what stands in it. */
export function withAxes(
  xs: readonly number[],
  ys: readonly number[],
  x: Axis,
  y: Axis,
  look: PlotLook,
  draw: (area: Area) => string,
): Drawing {
  const bottom = tickRoom + (x.label === undefined ? 0 : labelRoom);
  const height = look.height - bottom - top;
  const down = scaleOf(ys, y, height, lineSpacing);
  const left = tickWidth(down) + 10 + (y.label === undefined ? 0 : labelRoom);
  const width = look.width - left - right;
  const across = scaleOf(xs, x, width);
  const area = { width, height, place: (vx: number, vy: number): Point => [across.at(vx), height - down.at(vy)] };
  const { main, soft } = inks[look.theme];
  const grid = { stroke: soft, width: 0.5, opacity: 0.3 };
  const numbers = { size: tickSize, fill: soft };
  const content = [
    ...down.ticks.map(({ value, label }) => {
      const at = height - down.at(value);
      return line([0, at], [width, at], grid) + text(-8, at + 3.5, label, { ...numbers, anchor: "end" });
    }),
    ...across.ticks.map(({ value, label }) => {
      const at = across.at(value);
      const mark = line([at, height], [at, height + 4], { stroke: soft, width: 1 });
      return mark + text(at, height + 16, label, { ...numbers, anchor: "middle" });
    }),
    line([0, height], [width, height], { stroke: soft, width: 1 }),
    x.label === undefined
      ? ""
      : text(width / 2, height + bottom - 4, lineText(x.label), { size: labelSize, fill: main, anchor: "middle" }),
    y.label === undefined
      ? ""
      : text(12 - left, height / 2, lineText(y.label), { size: labelSize, fill: main, anchor: "middle", rotate: -90 }),
    draw(area),
  ];
  return {
    width: look.width,
    height: look.height,
    content: moved(left, top, content.filter((part) => part !== "").join("\n")),
  };
}

function tickWidth({ ticks }: Scale): number {
  return Math.max(0, ...ticks.map(({ label }) => textWidth(label, tickSize)));
}

/** Half a line of text stands above the topmost tick, half a number beside the last one. */
const top = 8;
const right = 18;
/** Ticks below each other need less room than beside each other. */
const lineSpacing = 36;
const tickSize = 10.5;
const labelSize = 12;
const tickRoom = 22;
const labelRoom = 20;
