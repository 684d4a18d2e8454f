/** What a person sees first of a result: the terminal layout that suits its size. */

import type { SequenceAttribution } from "../result/attribution.ts";
import { renderTerminal, type TerminalOptions } from "./terminal.ts";

/**
 * The sequence as terminal text, printed by the caller. One generated token: the text, highlighted. A map of at most
 * `mostCells` scores: the table. Otherwise, or when `topK` is given: the strongest words of each token.
 * @throws OptionError and ShapeError as `renderTerminal`.
 */
export function show(sequence: SequenceAttribution, options: TerminalOptions = {}): string {
  return renderTerminal(sequence, { ...options, layout: options.layout ?? suitableLayout(sequence, options) });
}

/** A table of this size fills about ten screens of 200 columns. */
const mostCells = 6000;

function suitableLayout(sequence: SequenceAttribution, options: TerminalOptions): "table" | "strongest" | "text" {
  const G = sequence.attrPosEnd - sequence.attrPosStart;
  const rows = [sequence.sourceAttributions, sequence.targetAttributions].map((scores) => scores?.shape[0] ?? 0);
  const R = rows.reduce((sum, size) => sum + size, 0);
  if (R === 0) return "table";
  if (G === 1) return "text";
  return options.topK === undefined && R * G <= mostCells ? "table" : "strongest";
}
