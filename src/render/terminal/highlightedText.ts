/** The input as running text, each token on the colour of its score for one generated token. */

import stringWidth from "string-width";
import { scoreText } from "../scoreText.ts";
import type { HeatMap, SequenceView } from "../sequenceView.ts";
import type { TerminalFrame } from "../terminal.ts";
import { pieces, shorten } from "./cells.ts";
import { legend } from "./legend.ts";
import { bold, dim, paint, shade } from "./paint.ts";
import { stepScoreWords, strongestEntries } from "./strongestWords.ts";
import { wrapWords } from "./wrapWords.ts";

/** One paragraph for each map of each generated token; made for few generated tokens. */
export function highlightedText(view: SequenceView, frame: TerminalFrame): string[] {
  const room = frame.width - 2 * indent.length;
  const paragraphs = view.generated.flatMap((token, column) => {
    const heading = shorten(
      `${frame.title} of “${token.label.replace(/^·(?=.)/, "")}” (token ${token.index})`,
      frame.width,
    );
    const maps = view.maps.flatMap((map) => [
      ...(view.maps.length > 1 ? [dim(map.side === "source" ? "source" : "target", frame.palette)] : []),
      ...paragraph(map, column, room, frame).map((line) => indent + line),
      "",
    ]);
    const details = [...strongestEntries(view, column, frame, room), ...stepScoreWords(view, column, frame, room)];
    return [bold(heading, frame.palette), "", ...maps, ...wrapWords(details, room).map((line) => indent + line), ""];
  });
  return [...paragraphs, ...legend(view, frame)];
}

const indent = "  ";

/** A part of a line: the text of a token, or of its part that fits. */
interface Piece {
  readonly text: string;
  readonly value: number;
}

function paragraph(map: HeatMap, column: number, room: number, frame: TerminalFrame): string[] {
  const words = map.rows.flatMap((token, row) => wordParts(token.text, map.valueAt(row, column), room, frame));
  const lines: Piece[][] = [[]];
  let used = 0;
  for (const [at, word] of words.entries()) {
    if (word === "line end") {
      lines.push([]);
      used = 0;
      continue;
    }
    // A word may consist of several tokens: it moves to the next line as a whole where it fits there.
    const rest = words.slice(at).findIndex((next, ahead) => ahead > 0 && (next === "line end" || /^ /.test(next.text)));
    const wholeWord = words.slice(at, rest < 0 ? undefined : at + rest).filter((next) => next !== "line end");
    const wanted = stringWidth(wholeWord.map((next) => next.text).join(""));
    const isStart = at === 0 || /^ /.test(word.text);
    const fits = used + (isStart && wanted <= room ? wanted : stringWidth(word.text)) <= room;
    if (!fits) {
      lines.push([]);
      used = 0;
    }
    const text = used === 0 ? word.text.trimStart() : word.text;
    lines.at(-1)?.push({ text, value: word.value });
    used += stringWidth(text);
  }
  return lines.map((line) => line.map((piece) => paintPiece(piece, frame)).join(""));
}

/** A token's text, in pieces that fit a line, with its line ends; without colour, strong tokens carry their score. */
function wordParts(
  text: string,
  value: number,
  room: number,
  { palette, decimals }: TerminalFrame,
): (Piece | "line end")[] {
  const sign = palette.level === 0 ? shade(value, palette).trim() : "";
  return text.split("\n").flatMap((line, at) => {
    const before: (Piece | "line end")[] = at > 0 ? ["line end"] : [];
    const marked = sign !== "" && line.trim() !== "" ? `${line}[${sign}${scoreText(value, decimals)}]` : line;
    return [...before, ...pieces(marked, room).map((piece) => ({ text: piece, value }))];
  });
}

function paintPiece({ text, value }: Piece, { palette }: TerminalFrame): string {
  const word = text.trimStart();
  return text.slice(0, text.length - word.length) + paint(word, value, palette);
}
