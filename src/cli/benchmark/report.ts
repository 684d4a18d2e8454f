/** A benchmark as a page: tables, plots, maps of a few items. */

import type { Estimate } from "../../evaluate/bootstrap.ts";
import { floors, isFloor } from "../../evaluate/explain.ts";
import { type MetricId, metrics } from "../../evaluate/registry.ts";
import type { Column } from "../../evaluate/summary.ts";
import type { Plot } from "../../render/plot.ts";
import type { Report, ReportBlock, ReportSection } from "../../render/report.ts";
import { typeset } from "../../render/scoreText.ts";
import { count } from "../wording.ts";
import { exampleMaps } from "./exampleMaps.ts";
import { meanCurves } from "./meanCurves.ts";
import { costHeads, costTexts, estimateText } from "./numbers.ts";
import { beyondPriors, columnName, directionOf, type MethodOutcome, priors, type TaskOutcome } from "./outcome.ts";

export interface ReportDetails {
  /** Items with a map. */
  readonly examples: number;
  /** What was asked and where it ran, by names. */
  readonly facts: Readonly<Record<string, string>>;
}

export function benchmarkReport(outcomes: readonly TaskOutcome[], { examples, facts }: ReportDetails): Report {
  const models = [...new Set(outcomes.map(({ model }) => model))];
  return {
    title: "Which attribution method is faithful?",
    subtitle: `${models.join(", ")} · ${outcomes.map(({ task, items }) => `${task} (${count(items, "item")})`).join(", ")}`,
    sections: [
      ...outcomes.flatMap((outcome): ReportSection[] => [
        { heading: outcome.task, blocks: [...ranking(outcome), ...plotsOf(outcome)] },
        ...(examples > 0 ? [{ heading: `${outcome.task}: examples`, blocks: exampleMaps(outcome, examples) }] : []),
      ]),
      { heading: "Metrics", blocks: [metricTable(outcomes)] },
      { heading: "How it was measured", blocks: [factTable(facts)] },
    ],
  };
}

function ranking(outcome: TaskOutcome): ReportBlock[] {
  const { columns, methods, leftOut, faults } = outcome;
  const names = columns.map((column) => columnName(column, columns));
  const heads = columns.map((column, c) => `${names[c]} ${directionOf(column) > 0 ? "↑" : "↓"}`);
  const best = columns.flatMap((column, c) => {
    // Compared as they are read: what looks alike is marked alike.
    const values = methods.map(({ summaries }) => Number(summaries[c]?.mean?.toFixed(2) ?? Number.NaN));
    const most = Math.max(...values.filter(Number.isFinite).map((value) => value * directionOf(column)));
    return values.flatMap((value, r): [number, number][] => (value * directionOf(column) === most ? [[r, c + 1]] : []));
  });
  const beyond = beyondPriors(outcome);
  const compared = methods.filter(({ method }) => !isFloor(method)).length;
  const gains = priors.map(
    (prior): ReportBlock => ({
      kind: "table",
      caption: `Gain over ${prior === "random" ? "random scores" : "recency"}, in pairs of the same items; positive is better whatever the arrow`,
      columns: ["method", ...names],
      rows: methods
        .filter(({ method }) => method !== prior)
        .map(({ method, gains: over }) => [method, ...over[prior].map(cell)]),
    }),
  );
  return [
    {
      kind: "text",
      text:
        `Methods by ${names[0]}, the best first, with standard errors over items. ` +
        (beyond === null
          ? `There are too few items (${outcome.items}) to tell which are better than random scores and than recency.`
          : `${beyond.length} of ${compared} methods are better than random scores and than recency, on the same items, by more ` +
            "than two standard errors of the difference."),
    },
    {
      kind: "table",
      caption: "Means ± standard errors; arrows point to what is better",
      columns: ["method", ...heads],
      rows: methods.map(({ method, summaries }) => [method, ...summaries.map(cell)]),
      strong: best,
    },
    ...gains,
    {
      kind: "table",
      caption: "What one explanation takes",
      columns: ["method", ...costHeads],
      rows: methods.map(({ method, cost }) => [method, ...costTexts(cost)]),
    },
    ...leftOut.map(({ method, reason }): ReportBlock => ({ kind: "text", text: `Left out: ${method} (${reason}).` })),
    ...faults.map((fault): ReportBlock => ({ kind: "text", text: `Left out: ${fault}.` })),
  ];
}

const cell = (estimate: Estimate): string => typeset(estimateText(estimate));

function plotsOf(outcome: TaskOutcome): ReportBlock[] {
  const { columns, methods, evaluations } = outcome;
  const [first] = columns;
  if (first === undefined) return [];
  const name = columnName(first, columns);
  const bars: Plot = {
    kind: "bars",
    names: methods.map(({ method }) => method),
    muted: floors,
    series: [
      {
        name,
        values: methods.map(({ summaries: [one] }) => one?.mean ?? Number.NaN),
        errors: methods.map(({ summaries: [one] }) => one?.standardError ?? 0),
      },
    ],
    value: { label: name },
  };
  const cost: Plot = {
    kind: "scatter",
    x: { label: "seconds for one explanation", scale: "log" },
    y: { label: name },
    series: [
      {
        name: "methods",
        // Scores that cost nothing to make (random, recency) have no place on a logarithmic axis.
        points: methods.flatMap(({ method, cost: { seconds }, summaries: [one] }) =>
          seconds > 0.0005 && one?.mean != null
            ? [{ x: seconds, y: one.mean, label: method, errorY: one.standardError ?? 0 }]
            : [],
        ),
      },
    ],
  };
  const curves = columns
    .filter(({ metric }) => metric === "deletion" || metric === "insertion")
    .map((column): ReportBlock => {
      const isDeletion = column.metric === "deletion";
      return {
        kind: "plot",
        title: isDeletion ? "Removing the highest-scoring words first" : "Revealing the highest-scoring words first",
        plot: {
          kind: "curves",
          x: { label: `share of the words ${isDeletion ? "removed" : "revealed"} (${column.removal})`, min: 0, max: 1 },
          y: { label: "measured function" },
          series: meanCurves(evaluations, column, shown(outcome, column)).map((one) => ({
            ...one,
            muted: isFloor(one.name),
          })),
        },
        height: 380,
        caption:
          `Means over items, of the floors (grey) and the ${CURVES} best methods by this measure. The sooner a curve ` +
          `${isDeletion ? "falls" : "rises"}, the better the method.`,
      };
    });
  return [
    { kind: "plot", title: "Quality", plot: bars, caption: "Lines are standard errors over items." },
    ...curves,
    { kind: "plot", title: "Cost against quality", plot: cost },
  ];
}

/** More curves in one plot cannot be told apart. */
const CURVES = 6;

/** The best methods by a column, and what they are compared with. */
function shown({ methods, columns }: TaskOutcome, column: Column): string[] {
  const at = columns.indexOf(column);
  const worth = ({ summaries }: MethodOutcome): number =>
    (summaries[at]?.mean ?? Number.NEGATIVE_INFINITY) * directionOf(column);
  const best = methods
    .filter(({ method }) => !isFloor(method))
    .sort((a, b) => worth(b) - worth(a))
    .slice(0, CURVES);
  return [...best.map(({ method }) => method), ...floors];
}

function metricTable(outcomes: readonly TaskOutcome[]): ReportBlock {
  const used = [...new Set(outcomes.flatMap(({ columns }) => columns.map(({ metric }) => metric as MetricId)))];
  return {
    kind: "table",
    columns: ["metric", "formula", "better", "unit", "source"],
    rows: used.map((id) => [id, metrics[id].formula, metrics[id].better, metrics[id].unit, metrics[id].paper]),
  };
}

function factTable(facts: Readonly<Record<string, string>>): ReportBlock {
  return { kind: "table", columns: ["", ""], rows: Object.entries(facts).map(([name, value]) => [name, value]) };
}
