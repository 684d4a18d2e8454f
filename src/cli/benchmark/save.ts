/** The files of a benchmark's results. */

import { cpus } from "node:os";
import { join } from "node:path";
import { writeFileAtomically } from "../../platform/node.ts";
import { renderReport } from "../../render/report.ts";
import { version } from "../../version.ts";
import type { BenchmarkArguments } from "../benchmarkOptions.ts";
import { benchmarkCsv } from "./csv.ts";
import type { TaskOutcome } from "./outcome.ts";
import { benchmarkReport } from "./report.ts";

/** Writes results.json, results.csv and report.html into the folder. */
export async function save(outcomes: readonly TaskOutcome[], args: BenchmarkArguments): Promise<void> {
  const { savePath: folder, restart, hideProgress, ...asked } = args;
  const machine = `${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores`;
  const facts = {
    command: `inseq benchmark, version ${version}`,
    backend: [...new Set(outcomes.map(({ backend }) => backend))].join(", "),
    machine: `${machine}, Node.js ${process.version}`,
    options: JSON.stringify(asked),
  };
  const write = (name: string, content: string) =>
    writeFileAtomically(join(folder, name), content, { overwrite: true });
  await write("results.json", `${JSON.stringify({ ...facts, options: asked, tasks: outcomes }, null, 1)}\n`);
  await write("results.csv", benchmarkCsv(outcomes));
  await write("report.html", renderReport(benchmarkReport(outcomes, { examples: args.examples, facts })));
}
