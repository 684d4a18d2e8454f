/**
 * Runs `inseq benchmark` with its defaults and writes the README's table and picture of it: `npm run benchmark`. A folder
 * as argument is gone on with, as the command does.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { estimateText } from "../../src/cli/benchmark/numbers.ts";
import type { TaskOutcome } from "../../src/cli/benchmark/outcome.ts";
import { run } from "../../src/cli/run.ts";
import { openScreen } from "../../src/cli/screen.ts";
import { floors } from "../../src/evaluate/explain.ts";
import { renderPlot } from "../../src/render/plot.ts";

const [, , folder = "inseq-benchmark"] = process.argv;
const status = await run(["benchmark", "-o", folder], openScreen());
if (status !== 0) throw new Error(`inseq benchmark: expected status 0, received ${status}`);
const { tasks } = JSON.parse(readFileSync(join(folder, "results.json"), "utf8")) as { tasks: readonly TaskOutcome[] };

const names = tasks.at(-1)?.methods.map(({ method }) => method) ?? [];
const rows = names.map((name) => {
  const cells = tasks.flatMap(({ methods, columns }) => {
    const own = methods.find(({ method }) => method === name);
    const at = (metric: string) => columns.findIndex((column) => column.metric === metric);
    const [found, removed] = [at("auprc"), at("aopc_comprehensiveness")];
    const estimates = [
      own?.summaries[found],
      name === "random" ? undefined : own?.gains.random[found],
      name === "recency" ? undefined : own?.gains.recency[found],
      own?.summaries[removed],
    ];
    return estimates.map((estimate) => (estimate === undefined ? "" : estimateText(estimate)));
  });
  const passes = tasks.map(({ methods }) => {
    const cost = methods.find(({ method }) => method === name)?.cost;
    const [forwards, backwards] = [cost?.forwards ?? null, cost?.backwards ?? null];
    return forwards === null || backwards === null ? "–" : `${Math.round(forwards)} + ${Math.round(backwards)}`;
  });
  return [`\`${name}\``, ...cells, passes.join(", ")];
});
const head = [
  "",
  ...tasks.flatMap(({ task, items }) => [
    `AUPRC, ${task} (${items})`,
    "more than random",
    "than recency",
    "comprehensiveness",
  ]),
  `rows forward + backward: ${tasks.map(({ task }) => task).join(", ")}`,
];
const table = [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

const picture = renderPlot(
  {
    kind: "bars",
    names,
    muted: floors,
    series: tasks.map(({ task, methods }) => {
      const of = names.map((name) => methods.find(({ method }) => method === name)?.summaries[0]);
      return {
        name: task,
        values: of.map((summary) => summary?.mean ?? Number.NaN),
        errors: of.map((summary) => summary?.standardError ?? 0),
      };
    }),
    value: { label: "AUPRC of the words that are known to decide, with standard errors", min: 0, max: 1 },
  },
  { title: "Which method finds them?" },
);
const root = new URL("../../", import.meta.url);
writeFileSync(fileURLToPath(new URL("models/demo/benchmark.svg", root)), picture);

const readme = new URL("README.md", root);
const text = readFileSync(readme, "utf8");
const marked = /(<!-- measured: benchmark -->\n)[\s\S]*?(<!-- end -->)/;
if (!marked.test(text)) throw new Error("README.md: expected the marks of the benchmark's table, found none");
writeFileSync(
  readme,
  text.replace(marked, (_, begin: string, end: string) => `${begin}\n${table}\n\n${end}`),
);
