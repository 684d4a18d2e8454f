/** Measures the methods on the demo models' ground truth and writes the README's table: `npm run groundtruth`. */

import { readFileSync, writeFileSync } from "node:fs";
import { loadModel } from "../../src/loadModel.ts";
import {
  methodsUnderTest,
  type Quality,
  qualityOf,
  type Task,
  tasks,
  trivialQualities,
} from "../support/groundTruth.ts";

const [stories, translations] = tasks(12, 6);

async function measure(task: Task): Promise<Map<string, Quality>> {
  const model = await loadModel(task.folder);
  const found = new Map<string, Quality>(Object.entries(await trivialQualities(model, task.items)));
  for (const [name, asked] of Object.entries(methodsUnderTest)) {
    found.set(name, await qualityOf(model, task.items, asked));
    process.stderr.write(`${task.name}, ${name}\n`);
  }
  model.dispose();
  return found;
}

const measured = [await measure(stories), await measure(translations)];
const cells = (name: string): string[] =>
  measured.flatMap((of) => {
    const { hitRate = Number.NaN, auprc = Number.NaN } = of.get(name) ?? {};
    return [`${(100 * hitRate).toFixed(0)} %`, auprc.toFixed(2)];
  });
const counted = (task: Task): string => `${task.name} (${task.items.length} items)`;
const head = ["", `hit rate, ${counted(stories)}`, "AUPRC", `hit rate, ${counted(translations)}`, "AUPRC"];
const names = [...(measured[0]?.keys() ?? [])];
const rows = [head, head.map(() => "---"), ...names.map((name) => [name, ...cells(name)])];
const table = rows.map((row) => `| ${row.join(" | ")} |`).join("\n");

const readme = new URL("../../README.md", import.meta.url);
const text = readFileSync(readme, "utf8");
const marked = /(<!-- measured: groundtruth -->\n)[\s\S]*?(<!-- end -->)/;
if (!marked.test(text)) throw new Error("README.md: expected the marks of the ground truth's table, found none");
writeFileSync(readme, text.replace(marked, `$1\n${table}\n\n$2`));
