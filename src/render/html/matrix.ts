/** The heat maps of a sequence as HTML tables: the matrix view, and all that a page without scripts shows. */

import { relativeStrength } from "../colorScale.ts";
import { escapeMarkup } from "../markup.ts";
import { decimalsFor, scoreText, typeset } from "../scoreText.ts";
import type { HeatMap, SequenceView, TokenView } from "../sequenceView.ts";
import { colorSteps } from "./style.ts";

export interface MatrixOptions {
  readonly title: string;
  readonly maxAbs: number;
  readonly decimals: number | null;
  /** Tables with more scores than this are left out, and the page says so. */
  readonly maxCells: number;
}

export function matrixSection(view: SequenceView, index: number, options: MatrixOptions): string {
  const cells = view.maps.reduce((sum, map) => sum + map.rows.length * view.generated.length, 0);
  const tables = cells > options.maxCells ? [tooLarge(cells, options)] : matrixTables(view, index, options);
  return `<section class="card matrix" id="matrix${index}"><h2>Sequence ${index + 1}</h2>\n${tables.join("\n")}\n${legend(view, options)}</section>`;
}

function legend(view: SequenceView, { maxAbs, decimals }: MatrixOptions): string {
  if (view.maps.length === 0) return "";
  const [least, most] = [-maxAbs, maxAbs].map((value) => typeset(scoreText(value, decimals)));
  const ramp = `<span class="ramp${view.hasNegative ? " signed" : ""}" aria-hidden="true"></span>`;
  const note = '<span class="small">columns: output tokens, rows: what acted on them</span>';
  return `<div class="legend"><span>${view.hasNegative ? least : "0"}</span>${ramp}<span>${most}</span>${note}</div>\n`;
}

function tooLarge(cells: number, { maxCells }: MatrixOptions): string {
  return `<p class="small">The matrix has ${cells} scores; tables end at ${maxCells}. Choose tokens in the text view.</p>`;
}

function matrixTables(view: SequenceView, index: number, options: MatrixOptions): string[] {
  const wide = view.generated.some((token) => [...token.label].length > 8);
  const head = `<thead><tr><th></th>${view.generated.map((token, column) => columnHead(token, index, column)).join("")}</tr></thead>`;
  const foot = `<tfoot>${[...view.stepScores, ...view.completeness].map(({ name, values }) => stepScoreRow(name, values)).join("")}</tfoot>`;
  const table = (caption: string, body: string, map: number) =>
    `<div class="scroll"><table${wide ? ' class="tall"' : ""} data-map="${map}"><caption>${escapeMarkup(caption)}</caption>` +
    `${head}\n<tbody>${body}</tbody>\n${foot}</table></div>`;
  const tables = view.maps.map((map, at) => {
    const caption = `${map.side === "source" ? "Source" : "Target"} ${options.title} Heatmap`;
    return table(caption, map.rows.map((token, row) => tokenRow(token, row, map, view, options)).join("\n"), at);
  });
  return tables.length > 0 ? tables : [table("Step Scores", "", -1)];
}

function columnHead(token: TokenView, sequence: number, column: number): string {
  const link = `#s=${sequence}&amp;t=${column}&amp;view=text`;
  const name = escapeMarkup(token.label);
  return `<th scope="col"><small>${token.index}</small><a href="${link}" title="${name}"><bdi>${name}</bdi></a></th>`;
}

function tokenRow(token: TokenView, row: number, map: HeatMap, view: SequenceView, options: MatrixOptions): string {
  const cells = view.generated.map((_, column) => scoreCell(map.valueAt(row, column), options)).join("");
  const name = escapeMarkup(token.label);
  return `<tr><th scope="row" title="${name}"><small>${token.index}</small><bdi>${name}</bdi></th>${cells}</tr>`;
}

function scoreCell(value: number, { maxAbs, decimals }: MatrixOptions): string {
  const step = Math.round(relativeStrength(value, maxAbs) * colorSteps);
  const color = step === 0 ? "" : ` class="${step < 0 ? "n" : "p"}${Math.abs(step)}"`;
  return `<td${color}>${typeset(scoreText(value, decimals))}</td>`;
}

function stepScoreRow(name: string, values: Float32Array): string {
  const largest = values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
  const cells = [...values].map((value) => `<td>${typeset(scoreText(value, decimalsFor(largest)))}</td>`).join("");
  return `<tr><th scope="row">${escapeMarkup(name)}</th>${cells}</tr>`;
}
