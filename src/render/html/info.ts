/** What was asked and how it went, as the panel at the foot of the page. */

import type { AttributionInfo, Json } from "../../result/attribution.ts";
import { escapeMarkup } from "../markup.ts";
import { lineText, runningText } from "../visibleText.ts";

/** The facts a reader needs first, by the result's keys; everything else can be unfolded. */
const mainFacts: ReadonlyMap<string, string> = new Map([
  ["attribution_method", "Method"],
  ["model_name", "Model"],
  ["attributed_fn", "Attributed function"],
  ["backend", "Backend"],
  ["exec_time", "Time"],
]);

export function infoPanel(info: AttributionInfo): string {
  const main = [...mainFacts].flatMap(([key, name]) => {
    const value = info[key];
    return value === undefined || value === null
      ? []
      : [fact(name, key === "exec_time" ? duration(value) : jsonText(value))];
  });
  const others = Object.entries(info).filter(([key]) => !mainFacts.has(key));
  const more = others.map(([key, value]) => fact(lineText(key), jsonText(value))).join("");
  const unfold = more === "" ? "" : `<details><summary>All settings</summary><dl>${more}</dl></details>`;
  return main.length === 0 && more === ""
    ? ""
    : `<footer class="card info"><h2>About</h2><dl>${main.join("")}</dl>${unfold}</footer>`;
}

/** A string of the info, or undefined. */
export function infoText(info: AttributionInfo, key: string): string | undefined {
  const value = info[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function fact(name: string, value: string): string {
  return `<dt>${escapeMarkup(name)}</dt><dd>${escapeMarkup(value)}</dd>`;
}

function duration(value: Json): string {
  return typeof value === "number" ? `${Number(value.toPrecision(3))} s` : jsonText(value);
}

function jsonText(value: Json): string {
  return runningText(typeof value === "string" ? value : JSON.stringify(value));
}
