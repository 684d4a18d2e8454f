/**
 * The colours and marks of series in plots. The colours are those of Okabe and Ito ("Color universal design", 2002), which
 * stay apart under the three common forms of colour blindness, shifted where they are hard to see on the ground (a contrast of
 * 3 at least, WCAG 2.2, 1.4.11: sky blue is a violet on white); series beyond them take other marks and dashes, so that colour is never all that tells two apart.
 */

import type { Theme } from "../colorScale.ts";
import { type Point, round } from "./drawing.ts";

/** How a series is told from the others. */
export interface SeriesStyle {
  readonly color: string;
  /** As `stroke-dasharray`; empty for a solid line. */
  readonly dash: string;
  readonly mark: (center: Point, radius: number) => string;
}

/** The look of the series with this index. */
export function seriesStyle(index: number, theme: Theme): SeriesStyle {
  const colors = palettes[theme];
  return {
    color: colors[index % colors.length] ?? "#888888",
    dash: dashes[Math.floor(index / colors.length) % dashes.length] ?? "",
    mark: marks[(index + Math.floor(index / colors.length)) % marks.length] ?? circle,
  };
}

/**
 * The looks of all series: muted ones are grey, and told apart by dashes and marks; the others take the colours in their
 * order.
 */
export function seriesStyles(all: readonly { readonly muted?: boolean }[], theme: Theme): SeriesStyle[] {
  const counts = { muted: 0, coloured: 0 };
  return all.map(({ muted = false }) => {
    if (!muted) return seriesStyle(counts.coloured++, theme);
    const index = counts.muted++;
    return {
      color: mutedColor(theme, 0),
      dash: dashes[(index + 1) % dashes.length] ?? "",
      mark: marks[index % marks.length] ?? circle,
    };
  });
}

/** The grey of bars that are muted, the lighter the further back their series stands. */
export function mutedColor(theme: Theme, index: number): string {
  const colors = greys[theme];
  return colors[index % colors.length] ?? "#888888";
}

const greys: Readonly<Record<Theme, readonly string[]>> = {
  light: ["#8a909b", "#c3c7ce"],
  dark: ["#9aa1ad", "#5d636e"],
};

const palettes: Readonly<Record<Theme, readonly string[]>> = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b07d00", "#8a7bd8", "#6a717d"],
  dark: ["#56b4e9", "#f08a3c", "#2cc59a", "#e59bc5", "#e6c229", "#8fa8ff", "#9aa1ad"],
};

const dashes = ["", "6 3", "2 3"];

const circle = ([x, y]: Point, r: number): string => `<circle cx="${round(x)}" cy="${round(y)}" r="${round(r)}"/>`;

const polygon = (corners: readonly Point[]): string =>
  `<path d="M${corners.map(([x, y]) => `${round(x)} ${round(y)}`).join("L")}Z"/>`;

const marks: readonly SeriesStyle["mark"][] = [
  circle,
  ([x, y], r) => `<rect x="${round(x - r)}" y="${round(y - r)}" width="${round(2 * r)}" height="${round(2 * r)}"/>`,
  ([x, y], r) =>
    polygon([
      [x, y - 1.3 * r],
      [x + 1.2 * r, y + 0.9 * r],
      [x - 1.2 * r, y + 0.9 * r],
    ]),
  ([x, y], r) =>
    polygon([
      [x, y - 1.35 * r],
      [x + 1.35 * r, y],
      [x, y + 1.35 * r],
      [x - 1.35 * r, y],
    ]),
];
