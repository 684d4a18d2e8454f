/** The parts of an SVG document, as text. Coordinates are pixels; text sizes are of a font like Helvetica. */

import { colorFor, type Theme } from "../colorScale.ts";
import { escapeMarkup } from "../markup.ts";
import { lineText } from "../visibleText.ts";
import { textWidth } from "./textWidth.ts";

/** Something drawn, with its size. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly content: string;
}

/** Pixels: to the right, and down. */
export type Point = readonly [x: number, y: number];

/** The ink of each theme: main text and secondary text. */
export const inks: Readonly<Record<Theme, { readonly main: string; readonly soft: string }>> = {
  light: { main: "#1d2129", soft: "#6a717d" },
  dark: { main: "#e4e6eb", soft: "#9aa1ad" },
};

/** The colour behind everything. */
export function ground(theme: Theme): string {
  return colorFor(0, 1, theme) ?? inks[theme].main;
}

export interface TextStyle {
  readonly size: number;
  readonly fill: string;
  readonly anchor?: "start" | "middle" | "end";
  readonly bold?: boolean;
  /** Degrees, around the text's own place. */
  readonly rotate?: number;
  /** The colour of a rim around the letters, so that they can be read on lines. */
  readonly rim?: string;
  /** Squeeze or stretch the text to this width, whatever font there is. */
  readonly width?: number;
}

/** `content` must have been made visible already; it is escaped here. */
export function text(x: number, y: number, content: string, style: TextStyle): string {
  const { size, fill, anchor = "start", bold, rotate, rim, width } = style;
  const attributes = [
    `x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${fill}"`,
    anchor === "start" ? "" : `text-anchor="${anchor}"`,
    bold === true ? 'font-weight="600"' : "",
    rim === undefined ? "" : `stroke="${rim}" stroke-width="3" stroke-linejoin="round" paint-order="stroke"`,
    rotate === undefined ? "" : `transform="rotate(${rotate} ${round(x)} ${round(y)})"`,
    width === undefined ? "" : `textLength="${round(width)}" lengthAdjust="spacingAndGlyphs"`,
  ];
  return `<text ${attributes.filter((attribute) => attribute !== "").join(" ")}>${escapeMarkup(content)}</text>`;
}

/** A filled rectangle, with a tooltip when there is one to show. */
export function rectangle(
  x: number,
  y: number,
  size: { readonly width: number; readonly height: number; readonly radius?: number },
  fill: string,
  tooltip?: string,
): string {
  const radius = size.radius === undefined ? "" : ` rx="${size.radius}"`;
  const shape = `<rect x="${round(x)}" y="${round(y)}" width="${round(size.width)}" height="${round(size.height)}"${radius} fill="${fill}"`;
  return tooltip === undefined ? `${shape}/>` : `${shape}><title>${escapeMarkup(tooltip)}</title></rect>`;
}

/** How a line is drawn. */
export interface Stroke {
  readonly stroke: string;
  readonly width: number;
  readonly opacity?: number;
  /** As `stroke-dasharray`; solid when empty or not given. */
  readonly dash?: string;
}

export function line(from: Point, to: Point, { stroke, width, opacity, dash = "" }: Stroke): string {
  const rest = [
    opacity === undefined ? "" : ` stroke-opacity="${opacity}"`,
    dash === "" ? "" : ` stroke-dasharray="${dash}"`,
  ].join("");
  return (
    `<line x1="${round(from[0])}" y1="${round(from[1])}" x2="${round(to[0])}" y2="${round(to[1])}" ` +
    `stroke="${stroke}" stroke-width="${width}"${rest}/>`
  );
}

/** The points joined by a line, which stops at points that are not finite, or the area within them. */
export function path(
  points: readonly Point[],
  style: Stroke | { readonly fill: string; readonly opacity: number },
): string {
  let isDrawing = false;
  const steps = points.map((point) => {
    const isPlace = point.every(Number.isFinite);
    const step = isPlace ? `${isDrawing ? "L" : "M"}${round(point[0])} ${round(point[1])}` : "";
    isDrawing = isPlace;
    return step;
  });
  const drawn = steps.join("");
  if (drawn === "") return "";
  if ("fill" in style) return `<path d="${drawn}Z" fill="${style.fill}" fill-opacity="${style.opacity}"/>`;
  const dash = style.dash ? ` stroke-dasharray="${style.dash}"` : "";
  return `<path d="${drawn}" fill="none" stroke="${style.stroke}" stroke-width="${style.width}" stroke-linejoin="round"${dash}/>`;
}

/** A shape that tells more where the pointer rests on it. */
export function tooltip(shape: string, tip: string): string {
  return `<g>${shape}<title>${escapeMarkup(lineText(tip))}</title></g>`;
}

export function moved(x: number, y: number, content: string): string {
  return `<g transform="translate(${round(x)} ${round(y)})">\n${content}\n</g>`;
}

/** A file of its own; `kind` is what the figure is called where it has no heading. */
export function document(drawing: Drawing, title: string | undefined, theme: Theme, kind: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${svgElement(drawing, title, theme, kind)}\n`;
}

/** The element, as pages contain it: margins, ground, heading. */
export function svgElement(drawing: Drawing, title: string | undefined, theme: Theme, kind: string): string {
  const heading = title === undefined ? "" : lineText(title);
  const top = heading === "" ? margin : margin + 34;
  const width = Math.ceil(Math.max(drawing.width, textWidth(heading, headingSize)) + 2 * margin);
  const height = Math.ceil(drawing.height + top + margin);
  const parts = [
    rectangle(0, 0, { width, height }, ground(theme)),
    heading === "" ? "" : text(margin, margin + 16, heading, { size: headingSize, fill: inks[theme].main, bold: true }),
    moved(margin, top, drawing.content),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Helvetica, Arial, sans-serif" role="img">
<title>${escapeMarkup(heading === "" ? kind : heading)}</title>
${parts.filter((part) => part !== "").join("\n")}
</svg>`;
}

/** Two decimals are a hundredth of a pixel. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

const margin = 20;
const headingSize = 18;
