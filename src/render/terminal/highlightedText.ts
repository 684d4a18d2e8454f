/** The input as running text, each token on the colour of its score for one generated token. */

import { scoreText } from "../scoreText.ts";
import { type HeatMap, rowsBefore, type SequenceView, wordLabel } from "../sequenceView.ts";
import { columnsOf, pieces, shorten } from "./cells.ts";
import type { TerminalFrame } from "./frame.ts";
import { legend } from "./legend.ts";
import { bold, dim, paint, shade } from "./paint.ts";
import { stepScoreWords, strongestEntries } from "./strongestWords.ts";
import { wrapWords } from "./wrapWords.ts";

/** One paragraph for each map of each generated token; made for few generated tokens. */
export function highlightedText(view: SequenceView, frame: TerminalFrame): string[] {
  const room = frame.width - 2 * indent.length;
  const paragraphs = view.generated.flatMap((token, column) => {
    const heading = shorten(`${frame.title} of “${wordLabel(token)}” (token ${token.index})`, frame.width);
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

/** A token's text or a part of it, to be painted with the token's score. */
interface Piece {
  readonly text: string;
  readonly value: number;
}

function paragraph(map: HeatMap, column: number, room: number, frame: TerminalFrame): string[] {
  const lines: Piece[][] = [[]];
  let used = 0;
  const put = (piece: Piece) => {
    const text = used === 0 ? piece.text.trimStart() : piece.text;
    lines.at(-1)?.push({ text, value: piece.value });
    used += columnsOf(text);
  };
  const newLine = () => {
    lines.push([]);
    used = 0;
  };
  for (const word of words(map, column, frame)) {
    if (word === "line end") {
      newLine();
      continue;
    }
    const width = columnsOf(word.map(({ text }) => text).join(""));
    if (used > 0 && used + width > room) newLine();
    for (const { text, value } of word) {
      for (const part of pieces(used === 0 ? text.trimStart() : text, room)) {
        if (used > 0 && used + columnsOf(part) > room) newLine();
        put({ text: part, value });
      }
    }
  }
  return lines.map((line) => line.map((piece) => paintPiece(piece, frame)).join(""));
}

/** The attributed tokens, grouped to words, which stay on one line where they fit; and the ends of lines. */
function words(map: HeatMap, column: number, frame: TerminalFrame): (Piece[] | "line end")[] {
  const found: (Piece[] | "line end")[] = [];
  for (const [row, token] of map.rows.slice(0, rowsBefore(map, column)).entries()) {
    const value = map.valueAt(row, column);
    for (const [index, line] of token.text.split("\n").entries()) {
      if (index > 0) found.push("line end");
      const piece = { text: marked(token.special ? ` ${line}` : line, value, frame), value };
      const word = found.at(-1);
      if (word === undefined || word === "line end" || /^ /.test(piece.text)) found.push([piece]);
      else word.push(piece);
    }
  }
  return found;
}

/** Without colour, a strong token carries its score. */
function marked(text: string, value: number, { palette, decimals }: TerminalFrame): string {
  const sign = palette.level === 0 ? shade(value, palette).trim() : "";
  return sign !== "" && text.trim() !== "" ? `${text}[${sign}${scoreText(value, decimals)}]` : text;
}

function paintPiece({ text, value }: Piece, { palette }: TerminalFrame): string {
  const word = text.trimStart();
  return text.slice(0, text.length - word.length) + paint(word, value, palette);
}
