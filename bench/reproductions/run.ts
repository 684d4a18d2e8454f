/**
 * Experiments of papers, again: `npm run reproduce -- gender-bias`, factual-knowledge or minimal-pairs.
 *
 *   --model MODEL     a folder, or a name on the Hugging Face hub; a bundled model by default
 *   --data FILE       other items than the own ones (bench/reproductions/README.md)
 *   --out FOLDER      where NAME.html and NAME.json go (default: inseq-reproductions)
 *   --limit N         only the first N items
 *   --steps N         points of integrated gradients' path (default: 50)
 *   --seed N          of resampling (default: 0)
 *   --backend NAME    where to compute (default: auto)
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import * as errors from "../../src/errors.ts";
import { type BackendName, loadModel, OptionError, version } from "../../src/index.ts";
import { knownName } from "../../src/names.ts";
import { writeFileAtomically } from "../../src/platform/node.ts";
import { renderReport } from "../../src/render/report.ts";
import { thisMachine } from "../machine.ts";
import { factualKnowledge } from "./factualKnowledge.ts";
import { genderBias } from "./genderBias.ts";
import { minimalPairs } from "./minimalPairs.ts";
import type { Reproduction } from "./reproduction.ts";

const reproductions = {
  "gender-bias": genderBias,
  "factual-knowledge": factualKnowledge,
  "minimal-pairs": minimalPairs,
} as const satisfies Record<string, Reproduction>;
type Name = keyof typeof reproductions;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: "string" },
    data: { type: "string" },
    out: { type: "string", default: "inseq-reproductions" },
    limit: { type: "string" },
    steps: { type: "string", default: "50" },
    seed: { type: "string", default: "0" },
    backend: { type: "string", default: "auto" },
  },
});

try {
  await reproduce();
} catch (error) {
  if (!(error instanceof Error) || !Object.values(errors).some((foreseen) => error instanceof foreseen)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function reproduce(): Promise<void> {
  const names = Object.keys(reproductions) as Name[];
  const [given, ...others] = positionals;
  if (given === undefined || others.length > 0) {
    throw new OptionError(
      `expected the name of one reproduction (${names.join(", ")}), received ${positionals.length}`,
    );
  }
  const name = knownName("reproduction", given, names);
  const { title, model: bundled, run } = reproductions[name];
  const [seed, steps] = [wholeNumber("seed", values.seed, 0), wholeNumber("steps", values.steps, 1)];
  const limit = values.limit === undefined ? undefined : wholeNumber("limit", values.limit, 1);
  const started = performance.now();
  const model = await loadModel(values.model ?? bundled, "saliency", {
    backend: values.backend as BackendName | "auto",
  });
  const onProgress = (done: number, total: number): void => {
    if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${total}${done === total ? "\n" : ""}`);
  };
  const { figures, items, sections, summary } = await run(model, { seed, steps, limit, data: values.data, onProgress });
  const { name: backend, description } = model.backend;
  const seconds = Number(((performance.now() - started) / 1000).toFixed(1));
  const about = { reproduction: name, model: model.name, data: values.data ?? null, backend, seed, version };
  const json = { ...about, seconds, machine: { ...thisMachine() }, figures, items };
  const files = [join(values.out, `${name}.html`), join(values.out, `${name}.json`)] as const;
  const subtitle = `${model.name} · ${description} · seed ${seed} · inseq-tfjs ${version} · ${seconds} s`;
  await writeFileAtomically(files[0], renderReport({ title, subtitle, sections }), { overwrite: true });
  await writeFileAtomically(files[1], `${JSON.stringify(json, null, 1)}\n`, { overwrite: true });
  for (const line of summary) console.log(line);
  console.log(`${seconds} s; written to ${files.join(" and ")}`);
  model.dispose();
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new OptionError(`--${name}: expected a whole number from ${least}, received "${text}"`);
}
