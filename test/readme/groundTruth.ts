/**
 * Measures the methods on the demo models' ground truth: `npm run groundtruth` measures those that have no row yet,
 * `npm run groundtruth -- --again` all of them, `-- --match TEXT` those whose row's name contains the text, `-- --items N` on so
 * many of the table's items, which their rows then say. Every row is kept as soon as it is there; the README's table follows.
 */

import { parseArgs } from "node:util";
import { OptionError, UnsupportedError } from "../../src/errors.ts";
import { loadModel } from "../../src/loadModel.ts";
import { methodsUnderTest, type Quality, qualityOf, tasks, trivialQualities } from "../support/groundTruth.ts";
import { readGroundTruth, writeGroundTruth } from "./groundTruthTable.ts";
import { updatePages } from "./pages.ts";

const { values } = parseArgs({
  options: {
    again: { type: "boolean", default: false },
    match: { type: "string", default: "" },
    items: { type: "string" },
  },
});
const wanted = values.items === undefined ? Number.POSITIVE_INFINITY : Number(values.items);
if (!(wanted >= 1)) throw new Error(`--items: expected a number of at least 1, received ${values.items}`);

const measured = readGroundTruth();
for (const task of [...tasks(24, 12)].reverse()) {
  const of = measured[task.name as keyof typeof measured];
  const isStale = values.again || of.items !== task.items.length;
  if (isStale && values.match === "") for (const name of Object.keys(of.rows)) delete of.rows[name];
  for (const name of Object.keys(of.rows)) {
    if (!(name in methodsUnderTest || name === "random" || name === "recency")) delete of.rows[name];
  }
  Object.assign(of, { items: task.items.length });
  const model = await loadModel(task.folder);
  if (!("random" in of.rows)) Object.assign(of.rows, await trivialQualities(model, task.items));
  for (const [name, asked] of Object.entries(methodsUnderTest)) {
    if (!name.includes(values.match) || (name in of.rows && !values.again)) continue;
    const started = performance.now();
    const apart = Math.max(1, Math.ceil(task.items.length / wanted));
    const some = task.items.filter((_, i) => i % apart === 0);
    const found = await quality(() => qualityOf(model, some, asked), name);
    of.rows[name] = found && (apart === 1 ? found : { ...found, items: some.length });
    writeGroundTruth(measured);
    process.stderr.write(`${task.name}, ${name}: ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  }
  model.dispose();
}
writeGroundTruth(measured);
updatePages();

/** Null, with the reason told, for a method that refuses. */
async function quality(measure: () => Promise<Quality>, name: string): Promise<Quality | null> {
  try {
    return await measure();
  } catch (error) {
    if (!(error instanceof OptionError || error instanceof UnsupportedError)) throw error;
    process.stderr.write(`${name}: ${error.message}\n`);
    return null;
  }
}
