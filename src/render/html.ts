/**
 * Attributions as one standalone HTML page. It loads nothing, and its content security policy forbids it to; only its
 * own script (named by its hash) may run. Without scripts it still shows every score, as tables.
 */

import { OptionError } from "../errors.ts";
import { knownName, rejectUnknownOptions } from "../names.ts";
import type { AttributionInfo, SequenceAttribution } from "../result/attribution.ts";
import type { Theme } from "./colorScale.ts";
import { clientScript } from "./html/client.ts";
import { infoPanel, infoText } from "./html/info.ts";
import { matrixSection } from "./html/matrix.ts";
import { htmlPage } from "./html/page.ts";
import { colorSteps, styleSheet } from "./html/style.ts";
import { escapeMarkup, scriptJson } from "./markup.ts";
import { decimalsFor, methodTitle } from "./scoreText.ts";
import { type SequenceView, sequenceView, type TokenView } from "./sequenceView.ts";
import { lineText } from "./visibleText.ts";

/** How a page looks. */
export interface HtmlOptions {
  /** The heading; the method's name when not given. */
  readonly title?: string;
  /** The score that has the full colour; the largest absolute score of each sequence when not given. */
  readonly maxValue?: number;
  /** Decimals in the matrix; chosen by the largest score when not given. Exact values are in the tooltips. */
  readonly precision?: number;
  /** `auto` follows the reader's system; the page has a switch, too. */
  readonly theme?: Theme | "auto";
  /** Sequences with more scores than this get no matrix tables. */
  readonly maxMatrixCells?: number;
}

/**
 * A page for sequences whose attributions are aggregated to [S, G] and [T, G]. `info` is that of the result; its method,
 * model, attributed function and backend are named on the page.
 * @throws OptionError for an unknown option or one out of range, or no sequences; ShapeError for attributions that are
 * not aggregated.
 */
export function renderHtml(
  sequences: readonly SequenceAttribution[],
  info: AttributionInfo,
  options: HtmlOptions = {},
): string {
  rejectUnknownOptions("renderHtml", options, ["title", "maxValue", "precision", "theme", "maxMatrixCells"]);
  if (sequences.length === 0) throw new OptionError("renderHtml: expected at least one sequence, received none");
  const { theme = "auto", maxValue, precision, maxMatrixCells = 200_000 } = options;
  if (maxValue !== undefined && !(maxValue > 0 && Number.isFinite(maxValue))) {
    throw new OptionError(`renderHtml: expected maxValue to be a positive number, received ${maxValue}`);
  }
  if (precision !== undefined && !(Number.isInteger(precision) && precision >= 0 && precision <= 12)) {
    throw new OptionError(`renderHtml: expected precision to be a whole number from 0 to 12, received ${precision}`);
  }
  knownName("theme", theme, ["light", "dark", "auto"]);
  const method = methodTitle(infoText(info, "attribution_method"));
  const heading = lineText(options.title ?? method);
  const views = sequences.map(sequenceView);
  const matrices = views.map((view, index) => {
    const maxAbs = maxValue ?? view.maxAbs;
    const decimals = precision ?? decimalsFor(maxAbs);
    return matrixSection(view, index, { title: method, maxAbs, decimals, maxCells: maxMatrixCells });
  });
  const data = {
    title: heading,
    steps: colorSteps,
    sequences: views.map((view) => pageData(view, maxValue ?? view.maxAbs)),
  };
  return htmlPage({
    title: heading,
    theme,
    style: styleSheet(),
    script: clientScript,
    body: `<div class="page">
<header>
<div><h1>${escapeMarkup(heading)}</h1>${subtitle(info)}</div>
${controls(views)}
</header>
<main>
${readingView}
${matrices.join("\n")}
</main>
${infoPanel(info)}
</div>
<div class="tip" id="tip" role="tooltip" hidden></div>
<script type="application/json" id="data">${scriptJson(data)}</script>
<script>${clientScript}</script>`,
  });
}

function subtitle(info: AttributionInfo): string {
  const model = infoText(info, "model_name");
  const attributed = infoText(info, "attributed_fn");
  const parts = [model, attributed === undefined ? undefined : `attributing ${attributed}`, infoText(info, "backend")];
  const text = parts.filter((part) => part !== undefined).map((part) => lineText(part));
  return text.length === 0 ? "" : `<p class="subtitle">${escapeMarkup(text.join(" · "))}</p>`;
}

function controls(views: readonly SequenceView[]): string {
  const choices = views.map((view, index) => `<option value="${index}">${escapeMarkup(preview(view, index))}</option>`);
  return `<div class="controls script" hidden>
<label>Sequence<select id="sequence">${choices.join("")}</select></label>
<label>Below tokens<select id="step"></select></label>
<label>Scale<select id="scale"><option value="token">chosen token</option><option value="sequence">whole sequence</option></select></label>
<span class="switch"><button type="button" data-view="text">Text</button><button type="button" data-view="matrix">Matrix</button></span>
<button type="button" id="theme" aria-label="switch between light and dark">◐</button>
</div>`;
}

/** The first words of a sequence, for the selector. */
function preview(view: SequenceView, index: number): string {
  const tokens = view.maps.some(({ side }) => side === "source") ? view.source : view.target;
  const words = tokens.filter(({ special }) => !special).map(({ text }) => text);
  const text = [...words.join("").replace(/\s+/g, " ").trim()];
  return `${index + 1}: ${text.slice(0, 40).join("")}${text.length > 40 ? "…" : ""}`;
}

const readingView = `<section class="reading script" id="reading" hidden>
<div class="card">
<div><h2>Source</h2><p class="flow" id="source" dir="auto"></p></div>
<div><h2 id="targetTitle">Output</h2><p class="flow" id="target" dir="auto"></p></div>
<p class="small">Choose an output token (underlined) by a click or with ← and →; the colours show how strongly each token before it acted on it. <span id="below"></span></p>
<div class="legend"><span id="least"></span><span class="ramp" id="ramp" aria-hidden="true"></span><span id="most"></span></div>
</div>
<aside class="card side" aria-live="polite">
<h2>Output token</h2>
<p class="chosen" id="chosen"></p><p class="small" id="position"></p>
<dl class="facts" id="facts"></dl>
<h2 id="barsTitle">Strongest</h2>
<ol class="bars" id="bars"></ol>
</aside>
</section>`;

function pageData(view: SequenceView, max: number): object {
  const columns = view.generated.length;
  return {
    source: view.source.map(pageToken),
    target: view.target.map(pageToken),
    start: view.generated[0]?.index ?? view.target.length,
    columns,
    max,
    negative: view.hasNegative,
    stepScores: view.stepScores.map(pageRow),
    completeness: view.completeness.map(pageRow),
    maps: view.maps.map((map) => ({
      side: map.side,
      rows: map.rows.length,
      values: map.rows.flatMap((_, row) =>
        Array.from({ length: columns }, (_, column) => pageNumber(map.valueAt(row, column))),
      ),
    })),
  };
}

function pageRow({ name, values }: SequenceView["stepScores"][number]): object {
  return { name, values: [...values].map(pageNumber) };
}

function pageToken({ index, id, vocabulary, label, text, special }: TokenView): object {
  return { index, id, vocabulary, label, text, special };
}

/** JSON has no NaN (null here) and no infinity (its name here); nine digits tell every float32 apart. */
function pageNumber(value: number): number | string | null {
  if (Number.isNaN(value)) return null;
  return Number.isFinite(value) ? Number(value.toPrecision(9)) : String(value);
}
