/** One sequence as text for a terminal: a heat map table, a summary of the strongest words, or highlighted text. */

import { OptionError } from "../errors.ts";
import { knownName, rejectUnknownOptions } from "../names.ts";
import type { SequenceAttribution } from "../result/attribution.ts";
import type { Theme } from "./colorScale.ts";
import { decimalsFor, methodTitle } from "./scoreText.ts";
import { type SequenceView, sequenceView } from "./sequenceView.ts";
import type { TerminalFrame } from "./terminal/frame.ts";
import { highlightedText } from "./terminal/highlightedText.ts";
import type { ColorLevel } from "./terminal/paint.ts";
import { strongestWords } from "./terminal/strongestWords.ts";
import { heatMapTables } from "./terminal/table.ts";

export type TerminalLayout = "table" | "strongest" | "text";

/** How a result is shown in a terminal. */
export interface TerminalOptions {
  /** 0 none (no escape sequences at all), 1 the 16 basic colours, 2 256 colours, 3 true colour. */
  readonly colorLevel?: ColorLevel;
  /** Columns of the terminal, at least 24. */
  readonly width?: number;
  /** Whether the terminal's background is light or dark. */
  readonly theme?: Theme;
  readonly layout?: TerminalLayout;
  /** How many words the layouts `strongest` and `text` list for each generated token. */
  readonly topK?: number;
  /** The score that has the full colour; the largest absolute score of the sequence when not given. */
  readonly maxValue?: number;
  /** Decimals of the scores; chosen by the largest score when not given. */
  readonly precision?: number;
  /** The method's id, for the title. */
  readonly method?: string;
}

/**
 * The sequence, whose attributions must be aggregated to [S, G] and [T, G], as lines of at most `width` columns that end
 * in a line end. Tokens are untrusted: no control character of theirs gets through.
 * @throws OptionError for an unknown option or one out of range; ShapeError for attributions that are not aggregated.
 */
export function renderTerminal(sequence: SequenceAttribution, options: TerminalOptions = {}): string {
  rejectUnknownOptions("renderTerminal", options, terminalOptionNames);
  const { colorLevel = 0, width = 80, theme = "dark", layout = "table", topK = 5, maxValue, precision } = options;
  requireInteger("width", width, minimumWidth, 100_000);
  requireInteger("topK", topK, 1, 100_000);
  requireInteger("colorLevel", colorLevel, 0, 3);
  if (precision !== undefined) requireInteger("precision", precision, 0, 12);
  if (maxValue !== undefined && !(maxValue > 0 && Number.isFinite(maxValue))) {
    throw new OptionError(`render: expected maxValue to be a positive number, received ${maxValue}`);
  }
  const view = sequenceView(sequence);
  const maxAbs = maxValue ?? view.maxAbs;
  const frame: TerminalFrame = {
    width,
    palette: { level: colorLevel, theme: knownName("theme", theme, ["light", "dark"]), maxAbs },
    decimals: precision ?? decimalsFor(maxAbs),
    topK,
    title: methodTitle(options.method),
  };
  const lines = layouts[knownName("layout", layout, ["table", "strongest", "text"])](view, frame);
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/** Narrower than this, a label and a number do not fit beside each other. */
const minimumWidth = 24;

const layouts: Readonly<Record<TerminalLayout, (view: SequenceView, frame: TerminalFrame) => string[]>> = {
  table: heatMapTables,
  strongest: strongestWords,
  text: highlightedText,
};

export const terminalOptionNames = [
  "colorLevel",
  "width",
  "theme",
  "layout",
  "topK",
  "maxValue",
  "precision",
  "method",
] as const satisfies readonly (keyof TerminalOptions)[];

function requireInteger(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new OptionError(`render: expected ${name} to be a whole number from ${least} to ${most}, received ${value}`);
}
