/** The heat maps as cells: attributed tokens down, generated tokens across, step scores and a colour bar below. */

import { colorFor, textColorFor } from "../colorScale.ts";
import { decimalsFor, scoreText, typeset } from "../scoreText.ts";
import type { HeatMap, SequenceView } from "../sequenceView.ts";
import { colorBar } from "./colorBar.ts";
import { type Drawing, inks, moved, rectangle, text } from "./drawing.ts";
import type { Figure } from "./figure.ts";
import { shortenToWidth, textWidth } from "./textWidth.ts";

/** Where things are, common to all maps so that they line up. */
interface Grid {
  /** Left edge of the cells. */
  readonly left: number;
  /** Height of the column labels. */
  readonly head: number;
  readonly cellWidth: number;
}

export function matrix(view: SequenceView, figure: Figure): Drawing {
  const grid = measure(view, figure);
  const blocks = view.maps.map((map) => mapDrawing(map, view, grid, figure));
  if (rowsBelow(view).length > 0) blocks.push(stepScores(view, grid, figure, view.maps.length === 0));
  const columns = view.generated.length * grid.cellWidth;
  const bar = colorBar(view, figure);
  const content: string[] = [];
  let y = 0;
  for (const block of blocks) {
    content.push(moved(0, y, block.content));
    y += block.height + 18;
  }
  // Room for the last column's slanted label, which leans to the right.
  const lean = grid.head * 0.75;
  content.push(moved(grid.left, y, bar.content));
  return {
    width: grid.left + Math.max(columns + lean, bar.width + 20),
    height: y + bar.height,
    content: content.join("\n"),
  };
}

/** Numbers for each generated token: step scores, and how far the scores are from adding up. */
const rowsBelow = ({ stepScores, completeness }: SequenceView): SequenceView["stepScores"] => [
  ...stepScores,
  ...completeness.filter(({ name }) => name === "gap"),
];

function measure(view: SequenceView, { numbers, maxAbs, decimals }: Figure): Grid {
  const rowLabels = [
    ...view.maps.flatMap((map) => map.rows.map(({ label }) => label)),
    ...rowsBelow(view).map(({ name }) => name),
  ];
  const left = Math.max(24, ...rowLabels.map((label) => Math.min(longest, textWidth(label, labelSize)))) + 8;
  const columnLabels = view.generated.map(({ label }) => Math.min(longest, textWidth(label, labelSize)));
  const head = Math.max(16, ...columnLabels.map((width) => width * slope + labelSize));
  const widestNumber = textWidth(scoreText(view.hasNegative ? -maxAbs : maxAbs, decimals), numberSize);
  return { left, head, cellWidth: numbers ? Math.max(30, widestNumber + 8) : 22 };
}

function mapDrawing(map: HeatMap, view: SequenceView, grid: Grid, figure: Figure): Drawing {
  const { main } = inks[figure.theme];
  const heading = `${map.side === "source" ? "Source" : "Target"} ${figure.methodName} Heatmap`;
  const top = headingHeight + grid.head + 6;
  const rows = map.rows.map((token, row) => {
    const y = top + row * cellHeight;
    const label = shortenToWidth(token.label, longest, labelSize);
    const cells = view.generated.map((_, column) => cell(map, row, column, y, view, grid, figure));
    const name = text(grid.left - 8, y + baseline, label, { size: labelSize, fill: main, anchor: "end" });
    return [name, ...cells.filter((drawn) => drawn !== "")].join("\n");
  });
  const content = [
    text(grid.left, 12, heading, { size: 12, fill: main, bold: true }),
    columnLabels(view, top, grid, figure),
    ...rows,
  ];
  return { width: 0, height: top + map.rows.length * cellHeight, content: content.join("\n") };
}

function cell(
  map: HeatMap,
  row: number,
  column: number,
  y: number,
  view: SequenceView,
  grid: Grid,
  figure: Figure,
): string {
  const value = map.valueAt(row, column);
  const fill = colorFor(value, figure.maxAbs, figure.theme);
  if (fill === null) return "";
  const x = grid.left + column * grid.cellWidth;
  const names = `${map.rows[row]?.label ?? ""} → ${view.generated[column]?.label ?? ""}`;
  const tooltip = `${names}: ${typeset(String(Number(value.toPrecision(6))))}`;
  const size = { width: grid.cellWidth - 1, height: cellHeight - 1, radius: 2 };
  const shape = rectangle(x, y, size, fill, tooltip);
  if (!figure.numbers) return shape;
  const ink = { size: numberSize, fill: textColorFor(fill, figure.theme), anchor: "middle" as const };
  return shape + text(x + (grid.cellWidth - 1) / 2, y + baseline, typeset(scoreText(value, figure.decimals)), ink);
}

function columnLabels(view: SequenceView, top: number, grid: Grid, { theme }: Figure): string {
  return view.generated
    .map(({ label }, column) => {
      const x = grid.left + (column + 0.5) * grid.cellWidth + 3;
      return text(x, top - 6, shortenToWidth(label, longest, labelSize), {
        size: labelSize,
        fill: inks[theme].main,
        rotate: -45,
      });
    })
    .join("\n");
}

function stepScores(view: SequenceView, grid: Grid, figure: Figure, withHead: boolean): Drawing {
  const { main, soft } = inks[figure.theme];
  const top = withHead ? grid.head + 6 : 0;
  const rows = rowsBelow(view).map(({ name, values }, row) => {
    const y = top + row * cellHeight + baseline;
    const largest = values.reduce(
      (most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most),
      0,
    );
    const style = { size: numberSize, fill: soft, anchor: "middle" as const };
    const numbers = [...values].map((value, column) => {
      const x = grid.left + (column + 0.5) * grid.cellWidth;
      const content = typeset(scoreText(value, decimalsFor(largest)));
      const fits = textWidth(content, numberSize) <= grid.cellWidth - 2;
      return text(x, y, content, fits ? style : { ...style, width: grid.cellWidth - 2 });
    });
    const label = shortenToWidth(name, longest, labelSize);
    return [text(grid.left - 8, y, label, { size: labelSize, fill: soft, anchor: "end" }), ...numbers].join("\n");
  });
  const labels = withHead ? [columnLabels(view, top, grid, { ...figure, theme: figure.theme })] : [];
  const rule =
    `<line x1="${grid.left}" x2="${grid.left + view.generated.length * grid.cellWidth}" y1="${top - 3}" y2="${top - 3}" ` +
    `stroke="${main}" stroke-width="0.5"/>`;
  return {
    width: 0,
    height: top + rowsBelow(view).length * cellHeight,
    content: [...labels, rule, ...rows].join("\n"),
  };
}

const cellHeight = 22;
/** From the top of a row to the line its text stands on. */
const baseline = 15;
const labelSize = 12;
const numberSize = 9.5;
const headingHeight = 18;
/** No label is wider than this. */
const longest = 150;
/** Height of a label's one pixel, slanted by 45 degrees. */
const slope = Math.SQRT1_2;
