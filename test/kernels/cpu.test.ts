/** The CPU kernels' own test program (kernels/test), for every instruction set, under address and behaviour sanitizers. */

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { buildTestProgram, findCompiler, instructionSets } from "../../kernels/build.mjs";

const run = promisify(execFile);
const compiler = await findCompiler();

/** What Linux calls the features that a library needs; other systems are taken to have none but the portable ones. */
const features: Record<string, readonly string[]> = {
  avx512: ["avx512f", "avx512bw", "avx512vl"],
  avx2: ["avx2", "fma"],
};

function runsHere(instructionSet: string): boolean {
  const needed = features[instructionSet] ?? [];
  if (needed.length === 0) return true;
  const present = process.platform === "linux" ? readFileSync("/proc/cpuinfo", "utf8").split(/\s+/) : [];
  return needed.every((feature) => present.includes(feature));
}

for (const instructionSet of Object.keys(instructionSets)) {
  const reason =
    compiler === undefined ? " (skipped: no C++ compiler)" : runsHere(instructionSet) ? "" : " (skipped: not this CPU)";
  // Compiling with sanitizers takes half a minute of two cores, the first time.
  test.skipIf(reason !== "")(
    `the ${instructionSet} kernels agree with double precision for 1 to 4 threads${reason}`,
    { timeout: 300_000 },
    async () => {
      if (compiler === undefined) throw new Error("unreachable: skipped without a compiler");
      const program = await buildTestProgram(compiler, instructionSet);
      const { stdout } = await run(program).catch((error: { stdout: string; stderr: string }) => {
        throw new Error(`${error.stdout}\n${error.stderr}`);
      });
      expect(stdout).toMatch(new RegExp(`^${instructionSet}: [1-9]\\d+ comparisons, 0 failures\n$`));
    },
  );
}
