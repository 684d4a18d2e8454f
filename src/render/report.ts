/** A report as one standalone HTML page: sections of text, tables and plots, light and dark, without any script. */

import { knownName, rejectUnknownOptions } from "../names.ts";
import type { Theme } from "./colorScale.ts";
import { htmlPage } from "./html/page.ts";
import { reportStyle } from "./html/reportStyle.ts";
import { styleSheet } from "./html/style.ts";
import { escapeMarkup } from "./markup.ts";
import { type Plot, type PlotOptions, plotElement } from "./plot.ts";
import { lineText, runningText } from "./visibleText.ts";

/** A part of a section. */
export type ReportBlock =
  | { readonly kind: "text"; readonly text: string }
  | ReportTable
  | ({ readonly kind: "plot"; readonly plot: Plot; readonly caption?: string } & Omit<PlotOptions, "theme">);

/** Cells as they are to be read; the first column names the rows. Columns of numbers are set flush right. */
export interface ReportTable {
  readonly kind: "table";
  readonly caption?: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Cells that stand out, as [row, column]. */
  readonly strong?: readonly (readonly [row: number, column: number])[];
}

/** A part of a report with a heading of its own. */
export interface ReportSection {
  readonly heading: string;
  readonly blocks: readonly ReportBlock[];
}

/** What a report says. */
export interface Report {
  readonly title: string;
  /** One line below the title: model, data, time. */
  readonly subtitle?: string;
  readonly sections: readonly ReportSection[];
}

/**
 * The report as a page that loads nothing and runs nothing.
 * @throws OptionError for an unknown option, or a plot that cannot be drawn
 */
export function renderReport(report: Report, options: { readonly theme?: Theme | "auto" } = {}): string {
  rejectUnknownOptions("renderReport", options, ["theme"]);
  const theme = knownName("theme", options.theme ?? "auto", ["light", "dark", "auto"]);
  const subtitle =
    report.subtitle === undefined ? "" : `<p class="subtitle">${escapeMarkup(lineText(report.subtitle))}</p>`;
  const sections = report.sections.map(
    ({ heading, blocks }) =>
      `<section class="card report"><h2>${escapeMarkup(lineText(heading))}</h2>\n${blocks.map(block).join("\n")}\n</section>`,
  );
  return htmlPage({
    title: lineText(report.title),
    theme,
    style: styleSheet() + reportStyle,
    body: `<div class="page">
<header><div><h1>${escapeMarkup(lineText(report.title))}</h1>${subtitle}</div></header>
<main>
${sections.join("\n")}
</main>
</div>`,
  });
}

function block(one: ReportBlock): string {
  switch (one.kind) {
    case "text":
      return `<p>${escapeMarkup(runningText(one.text))}</p>`;
    case "table":
      return table(one);
    case "plot":
      return figure(one);
    default:
      return one satisfies never;
  }
}

function table({ caption, columns, rows, strong = [] }: ReportTable): string {
  const stands = new Set(strong.map((place) => place.join()));
  const words = columns.map((_, c) => (rows.some((row) => !isNumber(row[c] ?? "")) ? ' class="words"' : ""));
  const head = columns.map((name, c) => `<th scope="col"${words[c]}>${escapeMarkup(lineText(name))}</th>`).join("");
  const body = rows.map(([name = "", ...cells], r) => {
    const each = cells.map((cell, c) => {
      const text = escapeMarkup(lineText(cell));
      return `<td${words[c + 1] ?? ""}>${stands.has(`${r},${c + 1}`) ? `<strong>${text}</strong>` : text}</td>`;
    });
    return `<tr><th scope="row">${escapeMarkup(lineText(name))}</th>${each.join("")}</tr>`;
  });
  const title = caption === undefined ? "" : escapeMarkup(lineText(caption));
  const heading = title === "" ? "" : `<h3>${title}</h3>\n`;
  const label = title === "" ? "" : ` aria-label="${title}"`;
  return `${heading}<div class="scroll"><table${label}><thead><tr>${head}</tr></thead>\n<tbody>${body.join("\n")}</tbody></table></div>`;
}

/** Whether a cell is a number, perhaps with an error or an interval behind it, or stands for none: those are set flush right. */
const isNumber = (cell: string): boolean => /^([−+-]?\.?\d|–$|$)/.test(cell.trim());

/** The plot in both themes, of which the page shows the one that it has. */
function figure({ plot, caption, title, width, height }: ReportBlock & { kind: "plot" }): string {
  const size = {
    ...(title !== undefined && { title }),
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
  };
  const each = (["light", "dark"] as const).map(
    (theme) => `<div class="in-${theme}">${plotElement(plot, { ...size, theme })}</div>`,
  );
  const below = caption === undefined ? "" : `<figcaption>${escapeMarkup(runningText(caption))}</figcaption>`;
  return `<figure>${each.join("")}${below}</figure>`;
}
