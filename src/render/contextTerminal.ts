/** An attributed context as text for a terminal: each dependent token in the output, and the tokens it depends on. */

import { rejectUnknownOptions } from "../names.ts";
import type { ContextAttribution } from "../result/contextAttribution.ts";
import type { Theme } from "./colorScale.ts";
import { type ContextView, type CuesView, contextView, type ScoredToken } from "./contextView.ts";
import { decimalsFor, scoreText } from "./scoreText.ts";
import { pieces } from "./terminal/cells.ts";
import { bold, type ColorLevel, dim, type Palette, paint } from "./terminal/paint.ts";
import { wrapWords } from "./terminal/wrapWords.ts";

/** How an attributed context is shown in a terminal. */
export interface ContextTerminalOptions {
  /** 0 none (no escape sequences at all), 1 the 16 basic colours, 2 256 colours, 3 true colour. */
  readonly colorLevel?: ColorLevel;
  /** Columns of the terminal. */
  readonly width?: number;
  /** Whether the terminal's background is light or dark. */
  readonly theme?: Theme;
}

const INDENT = "  ";

/** Columns that a text beside its name has at least. */
const NARROW = 24;

/**
 * Lines of at most `width` columns. Tokens that stand out carry their scores. Texts are untrusted: no control character of
 * theirs gets through.
 * @throws OptionError for an unknown option
 */
export function renderContextTerminal(result: ContextAttribution, options: ContextTerminalOptions = {}): string {
  rejectUnknownOptions("show", options, ["colorLevel", "width", "theme"]);
  const { colorLevel: level = 0, width = 80, theme = "dark" } = options;
  const palette: Palette = { level, theme, maxAbs: 1 };
  const view = contextView(result);
  const names = Math.max(...[...view.texts, ...view.facts].map(([name]) => name.length));
  // In a narrow terminal, a name stands above its text.
  const entry = ([name, text]: readonly [string, string]) =>
    width - names < NARROW
      ? [bold(name, palette), ...wrapped(text, width - INDENT.length).map((line) => INDENT + line)]
      : wrapped(text, width - names - INDENT.length).map(
          (line, i) => `${i === 0 ? bold(name.padEnd(names), palette) : " ".repeat(names)}${INDENT}${line}`,
        );
  const lines = [
    ...view.texts.flatMap(entry),
    "",
    ...view.facts.flatMap((fact) => entry(fact).map((line) => dim(line, { ...palette, level: palette.level && 1 }))),
    "",
    ...(view.cues.length === 0 ? ["No token depends on the context by this threshold."] : []),
    ...view.cues.flatMap((cues, i) => [...block(cues, i + 1, view, width, palette), ""]),
  ];
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

function block(cues: CuesView, number: number, view: ContextView, width: number, palette: Palette): string[] {
  const decimals = decimalsFor(view.maxAbs);
  const instead = cues.alternative === null ? "" : ` rather than “${cues.alternative}”`;
  const paragraph = (tokens: readonly ScoredToken[], marked: ReadonlySet<number>, maxAbs: number) =>
    wrapWords(words(tokens, marked, { ...palette, maxAbs }, width - 4), width - 4).map(
      (line) => INDENT + INDENT + line,
    );
  const note = (threshold: number, maxAbs: number) => ` (≥ ${scoreText(threshold, decimalsFor(maxAbs))})`;
  return [
    bold(`#${number}. “${cues.token}”${instead}, ${scoreText(cues.score, decimals)}`, palette),
    `${INDENT}Output${dim(note(view.threshold, view.maxAbs), palette)}`,
    ...paragraph(view.output, new Set([cues.index]), view.maxAbs),
    ...cues.contexts.flatMap(({ title, tokens, salient }) => [
      `${INDENT}${title}${dim(note(cues.threshold, cues.maxAbs), palette)}`,
      ...paragraph(tokens, salient, cues.maxAbs),
    ]),
  ];
}

/** Words of a text; tokens that are marked are painted, and followed by their scores. */
function words(tokens: readonly ScoredToken[], marked: ReadonlySet<number>, palette: Palette, room: number): string[] {
  const found: string[] = [];
  const decimals = decimalsFor(palette.maxAbs);
  for (const [i, { text, score }] of tokens.entries()) {
    const [, space = "", word = ""] = /^(\s*)(.*)$/s.exec(text.trimEnd()) ?? [];
    const shown = marked.has(i) ? paint(`${word}(${scoreText(score, decimals)})`, score, palette) : word;
    if (found.length === 0 || space !== "" || /\s$/.test(tokens[i - 1]?.text ?? "")) found.push(shown);
    else found[found.length - 1] += shown;
  }
  // A word that is longer than a line has no colours that could be cut.
  return found.flatMap((word) => (word.includes("\u001b") ? [word] : pieces(word, room)));
}

function wrapped(text: string, width: number): string[] {
  const room = Math.max(10, width);
  return wrapWords(
    text.split(/\s+/).flatMap((word) => pieces(word, room)),
    room,
  );
}
