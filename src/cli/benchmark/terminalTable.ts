/** A benchmark's table in the terminal. */

import { Chalk } from "chalk";
import { floors } from "../../evaluate/explain.ts";
import { columnsOf, padEnd, padStart } from "../../render/terminal/cells.ts";
import { wrapWords } from "../../render/terminal/wrapWords.ts";
import type { Screen } from "../screen.ts";
import { count } from "../wording.ts";
import { costHeads, costTexts, estimateText } from "./numbers.ts";
import { beyondPriors, columnName, directionOf, type TaskOutcome } from "./outcome.ts";

/** Methods down, best first, metrics and costs across; columns that do not fit go into further tables. */
export function terminalTable(
  outcome: TaskOutcome,
  { colorLevel, width }: Pick<Screen, "colorLevel" | "width">,
): string {
  const paint = new Chalk({ level: colorLevel });
  const { task, model, items, columns, methods, leftOut, faults } = outcome;
  const heads = [
    ...columns.map((column) => `${columnName(column, columns)} ${directionOf(column) > 0 ? "↑" : "↓"}`),
    ...costHeads,
  ];
  const cells = methods.map(({ summaries, cost }) => [...summaries.map(estimateText), ...costTexts(cost)]);
  const names = methods.map(({ method }) => method);
  const nameWidth = Math.max(0, ...names.map(columnsOf));
  const widths = heads.map((head, c) => Math.max(columnsOf(head), ...cells.map((row) => columnsOf(row[c] ?? ""))));
  const lines = [paint.bold(`${task}: ${count(items, "item")}, ${model} on ${outcome.backend}`), ""];
  for (const block of blocks(widths, width - nameWidth)) {
    lines.push(`${" ".repeat(nameWidth)}${block.map((c) => `  ${padStart(heads[c] ?? "", widths[c] ?? 0)}`).join("")}`);
    for (const [r, name] of names.entries()) {
      const row = block.map((c) => `  ${padStart(cells[r]?.[c] ?? "", widths[c] ?? 0)}`).join("");
      const isFloor = (floors as readonly string[]).includes(name);
      const line = `${padEnd(name, nameWidth)}${row}`;
      lines.push(isFloor ? paint.dim(line) : line);
    }
    lines.push("");
  }
  const wrapped = (text: string) => wrapWords(text.split(" "), width);
  lines.push(...wrapped(margin(outcome)), "");
  for (const { method, reason } of leftOut) lines.push(...wrapped(`left out: ${method} (${reason})`));
  for (const fault of faults.slice(0, MOST_FAULTS)) lines.push(...wrapped(`left out: ${fault}`));
  const more = faults.length - MOST_FAULTS;
  if (more > 0) lines.push(`left out: ${more} more, which results.json names`);
  return `${lines.join("\n").trimEnd()}\n`;
}

const MOST_FAULTS = 10;

/** Which methods tell more than what asks nothing of the model. */
function margin(outcome: TaskOutcome): string {
  const [first] = outcome.columns;
  const beyond = beyondPriors(outcome);
  const name = first === undefined ? "" : columnName(first, outcome.columns);
  if (beyond === null)
    return `too few items (${outcome.items}) to tell which methods are better than random and recency`;
  const better = `better than random and recency in ${name} by more than two standard errors of the paired difference`;
  return `${better}: ${beyond.length > 0 ? beyond.join(", ") : "none"}`;
}

/** Columns that fit beside each other, at least one in each block. */
function blocks(widths: readonly number[], room: number): number[][] {
  const all: number[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const [c, width] of widths.entries()) {
    if (used + width + 2 > room) {
      all.push([]);
      used = 0;
    }
    all.at(-1)?.push(c);
    used += width + 2;
  }
  return all;
}
