/**
 * The CUDA kernels on an emulated device (kernels/test/cudaShim): the same suite as for the CPU, with every access to memory
 * checked for bounds and races; and what happens where there is no device that can be used.
 */

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { buildLibraries, findCompiler, libraryPath } from "../../kernels/build.mjs";
import { buildCudaFaultProgram, buildCudaShim, buildCudaTestProgram } from "../../kernels/buildCuda.mjs";

const run = promisify(execFile);
const compiler = await findCompiler();
const reason = compiler === undefined ? " (skipped: no C++ compiler)" : "";

/** A program's output; the build with checks takes a minute of two cores, the first time. */
async function output(build: typeof buildCudaTestProgram, env: Record<string, string> = {}): Promise<string> {
  if (compiler === undefined) throw new Error("unreachable: skipped without a compiler");
  const program = await build(compiler);
  const ended = await run(program, { env: { ...process.env, ...env } }).catch((error: { stdout: string }) => error);
  return ended.stdout;
}

test.skipIf(compiler === undefined)(
  `the CUDA kernels agree with double precision, inside their tensors and without races${reason}`,
  { timeout: 600_000 },
  async () => {
    expect(await output(buildCudaTestProgram)).toMatch(/^cuda emulated: [1-9]\d+ comparisons, 0 failures\n$/);
  },
);

test.skipIf(compiler === undefined)(
  `the emulated device finds wrong kernels${reason}`,
  { timeout: 120_000 },
  async () => {
    expect(await output(buildCudaFaultProgram)).toMatch(/^[1-9]\d* wrong kernels found, 0 missed\n$/);
  },
);

test.skipIf(compiler === undefined)(
  `both libraries have every function of the header${reason}`,
  { timeout: 600_000 },
  async () => {
    if (compiler === undefined) throw new Error("unreachable: skipped without a compiler");
    await buildLibraries(compiler);
    const koffi = (await import("koffi")).default;
    const header = readFileSync(new URL("../../kernels/include/inseq_kernels.h", import.meta.url), "utf8");
    const names = [...header.matchAll(/^INSEQ_API .*?\b(inseq_\w+)\(/gm)].map(([, name = ""]) => name);
    expect(names.length).toBeGreaterThan(50);
    for (const path of [libraryPath("portable"), await buildCudaShim(compiler)]) {
      const library = koffi.load(path);
      // koffi throws where a function is missing.
      for (const name of names) expect(library.func(`int ${name}()`)).toBeTypeOf("function");
    }
  },
);

const absences: readonly [name: string, env: Record<string, string>, message: RegExp][] = [
  ["no driver", { INSEQ_SHIM_DEVICES: "0" }, /expected a CUDA device and its driver, received: no CUDA-capable device/],
  [
    "a GPU that is too old",
    { INSEQ_SHIM_CAPABILITY: "75" },
    /capability 8\.0 \(Ampere\) or later, received .* of 7\.5/,
  ],
  ["no cuBLAS", { INSEQ_CUBLAS: "/nowhere/libcublas.so" }, /expected cuBLAS .* received: \/nowhere\/libcublas\.so/],
  ["a cuBLAS that is too new for the driver", { INSEQ_SHIM_CUBLAS: "1" }, /received: .*, which does not start: /],
  ["a cuBLAS that is none", { INSEQ_CUBLAS: "libm.so.6" }, /received: .*undefined symbol: cublasCreate_v2/],
];

for (const [name, env, message] of absences) {
  test.skipIf(compiler === undefined)(`${name} is a sentence${reason}`, { timeout: 600_000 }, async () => {
    expect(await output(buildCudaTestProgram, env)).toMatch(message);
  });
}
