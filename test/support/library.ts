/** Programs that use the built library (`dist`), in processes of their own. */

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { goldenPath } from "./goldenResults.ts";

const run = promisify(execFile);
const library = join(import.meta.dirname, "../../dist/src/index.js");

/** The beginning of every program: where it finds the library and a small model. */
export const preamble = `
import { loadModel } from ${JSON.stringify(library)};
const goldenModel = ${JSON.stringify(goldenPath("gpt2", "model"))};
`;

/** What a program prints, as JSON. `npm run build` has to have been run. */
export async function runWithLibrary(program: string, env: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), "inseq-"));
  try {
    const script = join(folder, "program.mjs");
    writeFileSync(script, preamble + program);
    const { stdout } = await run(process.execPath, [script], { env: { ...process.env, ...env }, maxBuffer: 2 ** 26 });
    return JSON.parse(stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
