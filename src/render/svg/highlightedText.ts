/** The input as running text, each token on the colour of its score, one paragraph for each generated token. */

import { colorFor, textColorFor } from "../colorScale.ts";
import { typeset } from "../scoreText.ts";
import { type HeatMap, rowsBefore, type SequenceView, type TokenView } from "../sequenceView.ts";
import { colorBar } from "./colorBar.ts";
import { type Drawing, inks, moved, rectangle, text } from "./drawing.ts";
import type { Figure } from "./figure.ts";
import { shortenToWidth, textWidth } from "./textWidth.ts";

export function highlightedText(view: SequenceView, figure: Figure): Drawing {
  const content: string[] = [];
  let y = 0;
  for (const [column, token] of view.generated.entries()) {
    for (const map of view.maps) {
      const drawn = paragraph(map, column, token, figure);
      content.push(moved(0, y, drawn.content));
      y += drawn.height + 16;
    }
  }
  const bar = colorBar(view, figure);
  content.push(moved(10, y, bar.content));
  return { width: figure.width, height: y + bar.height, content: content.join("\n") };
}

/** The attributed tokens and, after an arrow, the generated token in a frame. */
function paragraph(map: HeatMap, column: number, generated: TokenView, { theme, maxAbs, width }: Figure): Drawing {
  const { main, soft } = inks[theme];
  const content: string[] = [];
  let x = 0;
  let line = 0;
  const place = (wanted: number, space: number) => {
    if (x > 0 && x + space + wanted > width) {
      x = 0;
      line++;
    }
    const left = x === 0 ? 0 : x + space;
    x = left + wanted;
    return { left, top: line * lineHeight };
  };
  const put = (word: string, spaced: boolean, value: number) => {
    const shown = shortenToWidth(word, width - 2 * padding, textSize);
    const wordWidth = textWidth(shown, textSize);
    const { left, top } = place(wordWidth + 2 * padding, spaced ? space : -2 * padding);
    const fill = colorFor(value, maxAbs, theme);
    const size = { width: wordWidth + 2 * padding, height: boxHeight, radius: 3 };
    if (fill !== null) content.push(rectangle(left, top, size, fill, typeset(String(Number(value.toPrecision(6))))));
    const ink = fill === null ? soft : textColorFor(fill, theme);
    content.push(text(left + padding, top + baseline, shown, { size: textSize, fill: ink, width: wordWidth }));
  };
  for (const [row, token] of map.rows.slice(0, rowsBefore(map, column)).entries()) {
    for (const [part, piece] of token.text.split("\n").entries()) {
      if (part > 0) {
        x = 0;
        line++;
      }
      const word = piece.trimStart();
      if (word !== "") put(word, word.length < piece.length || token.special, map.valueAt(row, column));
    }
  }
  const name = shortenToWidth(generated.text.trim().replaceAll("\n", "") || generated.label, width - 60, textSize);
  const nameWidth = textWidth(name, textSize) + 1;
  const { left, top } = place(nameWidth + 30, 10);
  content.push(text(left, top + baseline, "→", { size: textSize, fill: soft }));
  content.push(
    `<rect x="${left + 20}" y="${top + 0.5}" width="${nameWidth + 2 * padding + 2}" height="${boxHeight - 1}" rx="3" fill="none" stroke="${main}"/>`,
    text(left + 20 + padding + 1, top + baseline, name, { size: textSize, fill: main, bold: true, width: nameWidth }),
  );
  return { width, height: line * lineHeight + boxHeight, content: content.join("\n") };
}

const textSize = 15;
const lineHeight = 28;
const boxHeight = 23;
const baseline = 16.5;
/** Room left and right of a token within its coloured box. */
const padding = 1.2;
/** Between the boxes of two words; boxes within a word overlap, so that its letters keep their places. */
const space = 2;
