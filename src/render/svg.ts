/** One sequence as a vector figure for papers and slides: the heat map, or the text highlighted. */

import { OptionError } from "../errors.ts";
import { knownName, rejectUnknownOptions } from "../names.ts";
import type { SequenceAttribution } from "../result/attribution.ts";
import type { Theme } from "./colorScale.ts";
import { decimalsFor, methodTitle } from "./scoreText.ts";
import { type SequenceView, sequenceView } from "./sequenceView.ts";
import { type Drawing, document } from "./svg/drawing.ts";
import type { Figure } from "./svg/figure.ts";
import { highlightedText } from "./svg/highlightedText.ts";
import { matrix } from "./svg/matrix.ts";

export type SvgLayout = "matrix" | "text";

/** How a figure looks. */
export interface SvgOptions {
  readonly layout?: SvgLayout;
  /** A heading above the figure; none when not given. */
  readonly title?: string;
  /** The method's id, which the maps' headings name. */
  readonly method?: string;
  readonly theme?: Theme;
  /** The score that has the full colour; the largest absolute score when not given. */
  readonly maxValue?: number;
  /** Decimals of the scores; chosen by the largest score when not given. */
  readonly precision?: number;
  /** Whether cells contain their scores as text. */
  readonly numbers?: boolean;
  /** Width of the lines of the layout `text`, in pixels. */
  readonly width?: number;
}

/**
 * The sequence, whose attributions must be aggregated to [S, G] and [T, G], as an SVG document: well-formed XML whatever
 * the tokens contain, with text as text, no scripts, and no reference to anything outside.
 * @throws OptionError for an unknown option or one out of range; ShapeError for attributions that are not aggregated.
 */
export function renderSvg(sequence: SequenceAttribution, options: SvgOptions = {}): string {
  rejectUnknownOptions("renderSvg", options, optionNames);
  const { layout = "matrix", theme = "light", numbers = true, width = 720, maxValue, precision } = options;
  if (maxValue !== undefined && !(maxValue > 0 && Number.isFinite(maxValue))) {
    throw new OptionError(`renderSvg: expected maxValue to be a positive number, received ${maxValue}`);
  }
  if (precision !== undefined && !(Number.isInteger(precision) && precision >= 0 && precision <= 12)) {
    throw new OptionError(`renderSvg: expected precision to be a whole number from 0 to 12, received ${precision}`);
  }
  if (!(width >= 200 && width <= 10_000)) {
    throw new OptionError(`renderSvg: expected width to be from 200 to 10000 pixels, received ${width}`);
  }
  const view = sequenceView(sequence);
  const maxAbs = maxValue ?? view.maxAbs;
  const figure: Figure = {
    theme: knownName("theme", theme, ["light", "dark"]),
    maxAbs,
    decimals: precision ?? decimalsFor(maxAbs),
    numbers,
    width,
    methodName: methodTitle(options.method),
  };
  const draw = layouts[knownName("layout", layout, ["matrix", "text"])];
  return document(draw(view, figure), options.title, figure.theme, "Attribution heat map");
}

const layouts: Readonly<Record<SvgLayout, (view: SequenceView, figure: Figure) => Drawing>> = {
  matrix,
  text: highlightedText,
};

const optionNames = [
  "layout",
  "title",
  "method",
  "theme",
  "maxValue",
  "precision",
  "numbers",
  "width",
] as const satisfies readonly (keyof SvgOptions)[];
