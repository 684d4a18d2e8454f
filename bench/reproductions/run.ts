/** Experiments of papers, again: `npm run reproduce -- gender-bias`, factual-knowledge or minimal-pairs. */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { isForeseen } from "../../src/cli/failure.ts";
import { checkOutputPaths } from "../../src/cli/writing.ts";
import { type BackendName, loadModel, OptionError, version } from "../../src/index.ts";
import { knownName } from "../../src/names.ts";
import { writeFileAtomically } from "../../src/platform/node.ts";
import { renderReport } from "../../src/render/report.ts";
import { wrapWords } from "../../src/render/terminal/wrapWords.ts";
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

const usage = `npm run reproduce -- NAME [options], with the NAME ${Object.keys(reproductions).join(", ")}

  --model MODEL     a folder, or a name on the Hugging Face hub; a bundled model by default
  --data FILE       other items than the own ones (bench/reproductions/README.md)
  --out FOLDER      where NAME.html and NAME.json go (default: inseq-reproductions)
  --limit N         only the first N items
  --steps N         points of integrated gradients' path (default: 50)
  --seed N          of resampling (default: 0)
  --backend NAME    where to compute (default: auto)
  --help            this`;

const options = {
  model: { type: "string" },
  data: { type: "string" },
  out: { type: "string", default: "inseq-reproductions" },
  limit: { type: "string" },
  steps: { type: "string", default: "50" },
  seed: { type: "string", default: "0" },
  backend: { type: "string", default: "auto" },
  help: { type: "boolean", default: false },
} as const;

try {
  await reproduce();
} catch (error) {
  if (!(error instanceof Error) || !isForeseen(error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function reproduce(): Promise<void> {
  const { values, positionals } = given();
  if (values.help) return console.log(usage);
  const names = Object.keys(reproductions) as Name[];
  const [asked, ...others] = positionals;
  if (asked === undefined || others.length > 0) {
    throw new OptionError(
      `expected the name of one reproduction (${names.join(", ")}), received ${positionals.length}`,
    );
  }
  const name = knownName("reproduction", asked, names);
  const { title, model: bundled, run } = reproductions[name];
  const [seed, steps] = [wholeNumber("seed", values.seed, 0), wholeNumber("steps", values.steps, 1)];
  const limit = values.limit === undefined ? undefined : wholeNumber("limit", values.limit, 1);
  const paths = { html: join(values.out, `${name}.html`), json: join(values.out, `${name}.json`) };
  await checkOutputPaths({ out: paths.html });
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
  const subtitle = `${model.name} · ${description} · seed ${seed} · inseq-tfjs ${version} · ${seconds} s`;
  await writeFileAtomically(paths.html, renderReport({ title, subtitle, sections }), { overwrite: true });
  await writeFileAtomically(paths.json, `${JSON.stringify(json, null, 1)}\n`, { overwrite: true });
  const width = process.stdout.columns || 80;
  const told = [...summary, `${seconds} s; written to ${paths.html} and ${paths.json}`];
  for (const text of told) console.log(wrapWords(text.split(" "), width).join("\n"));
  model.dispose();
}

/** @throws OptionError for what is no option, naming the nearest, and for one without its value */
function given() {
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    const { code = "", message } = error as Error & { code?: string };
    if (!code.startsWith("ERR_PARSE_ARGS")) throw error;
    const [, unknown] = /^Unknown option '-*([^']*)'/.exec(message) ?? [];
    if (unknown !== undefined) knownName("option", unknown, Object.keys(options));
    throw new OptionError(message);
  }
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new OptionError(`--${name}: expected a whole number from ${least}, received "${text}"`);
}
