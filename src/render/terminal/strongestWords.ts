/** A summary for long prompts: for each generated token, the tokens with the strongest scores. */

import { decimalsFor, scoreText } from "../scoreText.ts";
import { type SequenceView, strongest, wordLabel } from "../sequenceView.ts";
import { columnsOf, padEnd, padStart, shorten } from "./cells.ts";
import type { TerminalFrame } from "./frame.ts";
import { legend } from "./legend.ts";
import { bold, dim, paint, shade } from "./paint.ts";
import { wrapWords } from "./wrapWords.ts";

export function strongestWords(view: SequenceView, frame: TerminalFrame): string[] {
  const indexWidth = String(view.generated.at(-1)?.index ?? 0).length;
  const labelRoom = Math.min(16, Math.floor(frame.width / 4));
  const labelWidth = Math.min(labelRoom, Math.max(0, ...view.generated.map((token) => columnsOf(token.label))));
  const stub = indexWidth + 1 + labelWidth + 3;
  const lines = view.generated.flatMap((token, column) => {
    const words = strongestEntries(view, column, frame, frame.width - stub);
    const body = wrapWords([...words, ...stepScoreWords(view, column, frame, frame.width - stub)], frame.width - stub);
    const label = bold(padEnd(shorten(token.label, labelWidth), labelWidth), frame.palette);
    const head = `${dim(padStart(String(token.index), indexWidth), frame.palette)} ${label} ← `;
    return [head + (body[0] ?? ""), ...body.slice(1).map((line) => " ".repeat(stub) + line)];
  });
  const title = bold(shorten(`${frame.title}: strongest ${frame.topK} of each token`, frame.width), frame.palette);
  return [title, ...lines, "", ...legend(view, frame)];
}

/** `girl 0.31` for each of the strongest tokens, on the colour of its score; with the side where there are two. */
export function strongestEntries(view: SequenceView, column: number, frame: TerminalFrame, room: number): string[] {
  const { palette, topK } = frame;
  return strongest(view, column, topK).map(({ side, token, value }) => {
    const sign = palette.level === 0 ? shade(value, palette).trim() : "";
    const number = sign + scoreText(value, frame.decimals);
    const place = view.maps.length > 1 && room >= roomForSides ? `${side} ` : "";
    const label = shorten(wordLabel(token), Math.max(2, room - number.length - place.length - 3));
    const entry = shorten(` ${label} ${number} `, room - place.length);
    return dim(place, palette) + paint(entry, value, palette);
  });
}

/** Columns from which the side of each word is named, too. */
const roomForSides = 22;

/** `probability 0.98` for each step score of a generated token. */
export function stepScoreWords(view: SequenceView, column: number, { palette }: TerminalFrame, room: number): string[] {
  return [...view.stepScores, ...view.completeness].map(({ name, values }) => {
    const value = values[column] ?? Number.NaN;
    return dim(shorten(`${name} ${scoreText(value, decimalsFor(Math.abs(value)) ?? null)}`, room), palette);
  });
}
