/**
 * The heat map as a table: a column for each generated token, a row for each attributed one, step scores below. A table
 * wider than the terminal is split into blocks of columns, one below the other; a block leaves out rows that have no
 * score in it.
 */

import { decimalsFor, scoreText } from "../scoreText.ts";
import type { HeatMap, SequenceView, TokenView } from "../sequenceView.ts";
import { columnsOf, padEnd, padStart, shorten } from "./cells.ts";
import type { TerminalFrame } from "./frame.ts";
import { legend } from "./legend.ts";
import { bold, dim, paint, shade } from "./paint.ts";
import { wrapWords } from "./wrapWords.ts";

interface Row {
  readonly index: string;
  readonly label: string;
  /** One for each generated token, without colour. */
  readonly cells: readonly string[];
  /** The scores that colour the cells; null for rows without colour. */
  readonly valueAt: ((column: number) => number) | null;
}

interface Table {
  readonly title: string;
  readonly rows: readonly Row[];
}

export function heatMapTables(view: SequenceView, frame: TerminalFrame): string[] {
  const stepRows = [...view.stepScores, ...view.completeness].map(({ name, values }) => stepScoreRow(name, values));
  const lines = view.maps.flatMap((map, index) => {
    const title = `${map.side === "source" ? "Source" : "Target"} ${frame.title} Heatmap`;
    const rows = map.rows.map((token, row) => tokenRow(token, row, map, view.generated.length, frame));
    const isLast = index === view.maps.length - 1;
    return [...tableLines({ title, rows: isLast ? [...rows, ...stepRows] : rows }, view.generated, frame), ""];
  });
  if (view.maps.length === 0) return tableLines({ title: "Step Scores", rows: stepRows }, view.generated, frame);
  const directions = wrapWords("→ generated tokens  ↓ attributed tokens".split(" "), frame.width);
  return [...lines, ...legend(view, frame), ...directions];
}

function tokenRow(token: TokenView, row: number, map: HeatMap, G: number, frame: TerminalFrame): Row {
  const valueAt = (column: number) => map.valueAt(row, column);
  const cells = Array.from({ length: G }, (_, column) => {
    const text = scoreText(valueAt(column), frame.decimals);
    return frame.palette.level === 0 && text !== "" ? shade(valueAt(column), frame.palette) + text : text;
  });
  return { index: String(token.index), label: token.label, cells, valueAt };
}

function stepScoreRow(name: string, values: Float32Array): Row {
  const largest = values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
  const decimals = decimalsFor(largest);
  return { index: "", label: name, cells: [...values].map((value) => scoreText(value, decimals)), valueAt: null };
}

function tableLines({ title, rows }: Table, generated: readonly TokenView[], frame: TerminalFrame): string[] {
  const indexWidth = Math.max(0, ...rows.map((row) => row.index.length));
  const labelWidth = Math.min(
    Math.max(4, Math.min(20, Math.floor(frame.width / 4))),
    Math.max(1, ...rows.map((row) => columnsOf(row.label))),
  );
  const stub = indexWidth + 1 + labelWidth + 1;
  const columnWidth = (column: number) => {
    const cells = Math.max(...rows.map((row) => columnsOf(row.cells[column] ?? "")), 1);
    const token = generated[column];
    const head = token === undefined ? 0 : Math.max(String(token.index).length, Math.min(10, columnsOf(token.label)));
    return Math.min(Math.max(cells, head) + 2, frame.width - stub);
  };
  const widths = generated.map((_, column) => columnWidth(column));
  return [
    bold(shorten(title, frame.width), frame.palette),
    ...blocks(widths, frame.width - stub).flatMap((columns, block) => [
      ...(block > 0 ? [""] : []),
      ...headLines(columns, widths, stub, generated, frame),
      ...rows
        .filter((row) => columns.some((column) => row.cells[column] !== ""))
        .map((row) => rowLine(row, columns, widths, { indexWidth, labelWidth }, frame)),
    ]),
  ];
}

/** Consecutive columns that fit beside each other into `room`; at least one a block. */
function blocks(widths: readonly number[], room: number): number[][] {
  const found: number[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const [column, width] of widths.entries()) {
    if (used + width > room) {
      found.push([]);
      used = 0;
    }
    found.at(-1)?.push(column);
    used += width;
  }
  return found;
}

function headLines(
  columns: readonly number[],
  widths: readonly number[],
  stub: number,
  generated: readonly TokenView[],
  { palette }: TerminalFrame,
): string[] {
  const cell = (column: number, text: string) => {
    const width = widths[column] ?? 0;
    return padStart(`${shorten(text, width - 2)} `, width);
  };
  const indices = columns.map((column) => cell(column, String(generated[column]?.index ?? ""))).join("");
  const labels = columns.map((column) => cell(column, generated[column]?.label ?? "")).join("");
  return [dim(" ".repeat(stub) + indices, palette), " ".repeat(stub) + bold(labels, palette)];
}

function rowLine(
  row: Row,
  columns: readonly number[],
  widths: readonly number[],
  { indexWidth, labelWidth }: { readonly indexWidth: number; readonly labelWidth: number },
  { palette }: TerminalFrame,
): string {
  const head = `${dim(padStart(row.index, indexWidth), palette)} ${padEnd(shorten(row.label, labelWidth), labelWidth)} `;
  const cells = columns.map((column) => {
    const width = widths[column] ?? 0;
    const text = padStart(`${shorten(row.cells[column] ?? "", width - 1)} `, width);
    return row.valueAt === null ? dim(text, palette) : paint(text, row.valueAt(column), palette);
  });
  return head + cells.join("");
}
