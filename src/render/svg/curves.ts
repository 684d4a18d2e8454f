/** Curves: values of several series along an axis, with bands of uncertainty. */

import { withAxes } from "./axes.ts";
import { type Drawing, path, tooltip } from "./drawing.ts";
import { legend } from "./legend.ts";
import { type SeriesStyle, seriesStyles } from "./palette.ts";
import type { PlotLook } from "./plotLook.ts";
import type { Axis } from "./scale.ts";
import { stacked } from "./stacked.ts";

/** Points in the order in which they are joined; those that are not finite interrupt the curve. */
export interface CurveSeries {
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Half the height of the band around each point. */
  readonly errors?: readonly number[];
  /** Grey: what the others are compared with. */
  readonly muted?: boolean;
}

/** Values along an axis. */
export interface CurvePlot {
  readonly kind: "curves";
  readonly series: readonly CurveSeries[];
  readonly x?: Axis;
  readonly y?: Axis;
  /** Whether points have marks; by default where there are few. */
  readonly marks?: boolean;
}

export function curves({ series, x = {}, y = {}, marks }: CurvePlot, look: PlotLook): Drawing {
  const xs = series.flatMap((one) => one.x);
  const ys = series.flatMap((one) => one.y.flatMap((value, i) => around(value, one.errors?.[i])));
  const styles = seriesStyles(series, look.theme);
  const withMarks = marks ?? series.every((one) => one.x.length <= 25);
  // What the others are compared with lies behind them.
  const order = [...series.entries()].sort(([, a], [, b]) => Number(b.muted ?? false) - Number(a.muted ?? false));
  const plot = withAxes(xs, ys, x, y, look, (area) =>
    order
      .map(([index, one]) => {
        const { color, dash, mark } = styles[index] as SeriesStyle;
        const points = one.x.map((value, i) => area.place(value, one.y[i] ?? Number.NaN));
        const band =
          one.errors === undefined
            ? ""
            : path(
                [
                  ...one.x.map((value, i) => area.place(value, (one.y[i] ?? 0) + (one.errors?.[i] ?? 0))),
                  ...one.x.map((value, i) => area.place(value, (one.y[i] ?? 0) - (one.errors?.[i] ?? 0))).reverse(),
                ],
                { fill: color, opacity: 0.15 },
              );
        const marked = points.flatMap((point, i) =>
          withMarks && point.every(Number.isFinite)
            ? [tooltip(mark(point, 3), `${one.name}: ${one.x[i]}, ${Number((one.y[i] ?? 0).toPrecision(4))}`)]
            : [],
        );
        const strokes = path(points, { stroke: color, width: 2, dash });
        return [band, strokes, marked.length > 0 ? `<g fill="${color}">${marked.join("")}</g>` : ""].join("");
      })
      .join("\n"),
  );
  return stacked([legend(series, look, true), plot]);
}

const around = (value: number, error = 0): number[] => [value - error, value + error];
