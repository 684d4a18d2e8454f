/** The machine's measured peak (peak.cc), compiled for this machine; null without a compiler. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findCompiler } from "../kernels/build.mjs";

export interface Peak {
  readonly gflops: number;
  readonly gbytes: number;
}

export async function measurePeak(threads: number): Promise<Peak | null> {
  const compiler = await findCompiler();
  if (compiler === undefined) return null;
  const folder = mkdtempSync(join(tmpdir(), "inseq-tfjs-peak-"));
  try {
    const program = join(folder, "peak");
    const source = fileURLToPath(new URL("peak.cc", import.meta.url));
    execFileSync(compiler.command, [
      "-std=c++17",
      "-O3",
      "-ffp-contract=fast",
      "-march=native",
      "-pthread",
      source,
      "-o",
      program,
    ]);
    return JSON.parse(execFileSync(program, [String(threads)], { encoding: "utf8" })) as Peak;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
