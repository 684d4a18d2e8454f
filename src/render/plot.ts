/** Plots as vector figures in one look: curves, bars, scatter plots and heat maps of any numbers. */

import { OptionError } from "../errors.ts";
import { knownName, rejectUnknownOptions } from "../names.ts";
import type { Theme } from "./colorScale.ts";
import { type BarPlot, bars } from "./svg/bars.ts";
import { type CurvePlot, curves } from "./svg/curves.ts";
import { type Drawing, document, svgElement } from "./svg/drawing.ts";
import { type HeatMapPlot, heatMap } from "./svg/heatMap.ts";
import type { PlotLook } from "./svg/plotLook.ts";
import { type ScatterPlot, scatter } from "./svg/scatter.ts";

/** What is drawn. */
export type Plot = CurvePlot | BarPlot | ScatterPlot | HeatMapPlot;

/** How it is drawn. */
export interface PlotOptions {
  /** A heading above the figure; none when not given. */
  readonly title?: string;
  readonly theme?: Theme;
  /** Pixels of the drawing without heading, legend and margins; those of bars and heat maps follow from what they hold. */
  readonly width?: number;
  readonly height?: number;
}

/**
 * The plot as an SVG document, like those of `renderSvg`: text as text, no scripts, nothing loaded.
 * @throws OptionError for an unknown option or one out of range, a plot without anything to draw, lists whose lengths differ,
 *   or values that an axis cannot hold
 */
export function renderPlot(plot: Plot, options: PlotOptions = {}): string {
  return document(drawPlot(plot, options), options.title, options.theme ?? "light", plotNames[plot.kind]);
}

/** The same as an element for a page. */
export function plotElement(plot: Plot, options: PlotOptions): string {
  return svgElement(drawPlot(plot, options), options.title, options.theme ?? "light", plotNames[plot.kind]);
}

function drawPlot(plot: Plot, options: PlotOptions): Drawing {
  rejectUnknownOptions("renderPlot", options, ["title", "theme", "width", "height"]);
  const { theme = "light", width = 640, height = 340 } = options;
  for (const [name, pixels] of Object.entries({ width, height })) {
    if (!(pixels >= 120 && pixels <= 10_000)) {
      throw new OptionError(`renderPlot: expected ${name} to be from 120 to 10000 pixels, received ${pixels}`);
    }
  }
  const look: PlotLook = { theme: knownName("theme", theme, ["light", "dark"]), width, height };
  checkPlot(plot);
  switch (plot.kind) {
    case "curves":
      return curves(plot, look);
    case "bars":
      return bars(plot, look);
    case "scatter":
      return scatter(plot, look);
    case "heatmap":
      return heatMap(plot, look);
    default:
      throw new OptionError(`renderPlot: ${JSON.stringify(plot satisfies never)} is no plot`);
  }
}

const plotNames = {
  curves: "Curves",
  bars: "Bars",
  scatter: "Scatter plot",
  heatmap: "Heat map",
} as const satisfies Record<Plot["kind"], string>;

/** @throws OptionError when there is nothing to draw, or lists that belong together differ in length */
function checkPlot(plot: Plot): void {
  const same = (what: string, expected: number, received: number): void => {
    if (expected === received) return;
    throw new OptionError(`renderPlot: expected ${expected} ${what}, received ${received}`);
  };
  const some = (what: string, count: number): void => {
    if (count === 0) throw new OptionError(`renderPlot: expected at least one ${what}, received none`);
  };
  if (plot.kind === "heatmap") {
    some("row", plot.rows.length);
    some("column", plot.columns.length);
    same("lists of values, one for each row", plot.rows.length, plot.values.length);
    for (const [r, list] of plot.values.entries())
      same(`values in row "${plot.rows[r]}"`, plot.columns.length, list.length);
    return;
  }
  some("series", plot.series.length);
  for (const series of plot.series) {
    if ("points" in series) continue;
    const values = "values" in series ? series.values : series.y;
    const count = plot.kind === "bars" ? plot.names.length : "x" in series ? series.x.length : values.length;
    same(`values of "${series.name}"`, count, values.length);
    if (series.errors !== undefined) same(`errors of "${series.name}"`, count, series.errors.length);
  }
  if (plot.kind === "bars") some("name", plot.names.length);
}
