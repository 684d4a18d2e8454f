/**
 * Figures as pixels, by resvg, which is kept up and draws SVG without a browser. It is an optional dependency, loaded when it
 * is asked for.
 */

import { OptionError, UnsupportedError } from "../errors.ts";
import { rejectUnknownOptions } from "../names.ts";

/** How large a picture is. */
export interface PngOptions {
  /** Pixels for each unit of the figure; 2 by default, for dense screens and print. */
  readonly scale?: number;
}

/**
 * An SVG figure (`renderSvg`, `renderPlot`, `toSVG`) as the bytes of a PNG. Its text is in a font of the system: Helvetica or
 * Arial where there is one, else the first that is found.
 * @throws OptionError for an unknown option, or a scale that is not from above 0 to 20
 * @throws UnsupportedError where the package @resvg/resvg-js is not installed, and in browsers
 */
export async function renderPng(svg: string, options: PngOptions = {}): Promise<Uint8Array> {
  rejectUnknownOptions("renderPng", options, ["scale"]);
  const { scale = 2 } = options;
  if (!(scale > 0 && scale <= 20)) {
    throw new OptionError(`renderPng: expected a scale from above 0 to 20, received ${scale}`);
  }
  const { renderAsync } = await loadResvg();
  const image = await renderAsync(svg, { fitTo: { mode: "zoom", value: scale } });
  return new Uint8Array(image.asPng());
}

async function loadResvg(): Promise<Pick<typeof import("@resvg/resvg-js"), "renderAsync">> {
  // In a browser's bundle the package is empty (`browser` in package.json).
  const resvg = await import("@resvg/resvg-js").catch((cause: unknown) => {
    throw missing(cause);
  });
  if (typeof resvg.renderAsync !== "function") throw missing(undefined);
  return resvg;
}

function missing(cause: unknown): UnsupportedError {
  return new UnsupportedError(
    "PNG pictures need the package @resvg/resvg-js, which did not load; run npm install @resvg/resvg-js, or take the SVG",
    { cause },
  );
}
