/**
 * Compiles the kernels: `npm run build:kernels`. Plain Node, no dependency.
 *
 * One shared library for each instruction set of the CPU goes into `kernels/build`; the program picks one when it runs, so
 * nothing is tied to the machine that compiled. Where there are nvcc and a GPU, the CUDA library is made, too (buildCuda.mjs).
 * What is there is made anew only when a source, a flag or the compiler has changed. Without a compiler one line says so, and the
 * program computes with its other backends.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildCuda, findNvcc, hasDriver } from "./buildCuda.mjs";
import { compile, compileObjects, findCompiler, link, outputPath, root, sourcesIn } from "./compile.mjs";
import { compileTests } from "./compileTests.mjs";

export { findCompiler };

/** Compiler flags by instruction set, the fastest first. */
export const instructionSets =
  process.arch === "x64"
    ? {
        avx512: "-mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mprefer-vector-width=512".split(" "),
        avx2: ["-mavx2", "-mfma"],
        portable: [],
      }
    : { portable: [] };

/** NaN and infinity keep their meaning: no fast-math. Products and sums may be fused. */
const COMMON = [
  "-std=c++17",
  `-I${join(root, "library")}`,
  "-fPIC",
  "-fvisibility=hidden",
  "-ffp-contract=fast",
  "-fno-math-errno",
  "-pthread",
];
const RELEASE = [...COMMON, "-O3", "-shared"];
const TEST = [...COMMON, "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-warning-option", "-Wno-psabi"];
/** Pointers to nothing and past the end of an object are found by the address sanitizer already. */
const SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize=null,object-size", "-fno-sanitize-recover=all"];

export const libraryPath = (instructionSet) => outputPath(`inseq_kernels_${instructionSet}.so`);

/** All libraries for the CPU; returns the instruction sets that had to be compiled. */
export async function buildLibraries(compiler) {
  const sources = ["include", "library", "cpu"].flatMap(sourcesIn);
  const made = await Promise.all(
    Object.entries(instructionSets).map(async ([name, flags]) =>
      (await compile(compiler, sources, [...RELEASE, ...flags], libraryPath(name))) ? [name] : [],
    ),
  );
  return made.flat();
}

/** The test program of one instruction set, its kernels with sanitizers; returns its path. */
export async function buildTestProgram(compiler, instructionSet) {
  const name = `test_${instructionSet}`;
  const sources = ["include", "library", "cpu"].flatMap(sourcesIn);
  const flags = [...TEST, ...SANITIZERS, ...instructionSets[instructionSet]];
  const objects = [...(await compileObjects(compiler, sources, flags, name)), ...(await compileTests(compiler))];
  await link(compiler, objects, ["-pthread", ...SANITIZERS], outputPath(name));
  return outputPath(name);
}

const NO_NVCC = "no nvcc (looked for $NVCC, $PATH, $CUDA_HOME, /usr/local/cuda): the cuda backend is absent";

const print = (line) => process.stdout.write(`${line}\n`);

/** Builds one part and says what was done; a failure of the compiler fails the whole build only if the part is `needed`. */
async function report(name, tool, absent, needed, build) {
  if (tool === undefined) return print(`${name}: ${absent}`);
  const start = Date.now();
  try {
    const made = await build(tool);
    const seconds = ((Date.now() - start) / 1000).toFixed(1);
    print(
      made.length > 0
        ? `${name}: compiled ${made.join(", ")} with ${tool.version} in ${seconds} s`
        : `${name}: up to date`,
    );
  } catch (error) {
    process.stderr.write(`${name}: ${tool.command} failed\n${error.stderr || error.message}\n`);
    if (needed) process.exitCode = 1;
  }
}

async function main() {
  const compiler = await findCompiler();
  const noCompiler = "no C++ compiler (looked for $CXX, g++, clang++): the wasm and cpu backends serve instead";
  await report("kernels", compiler, noCompiler, true, buildLibraries);
  // It takes minutes of a processor, so that it is left to `npm run build:cuda` where nothing could use it.
  if (hasDriver() || process.argv.includes("--cuda"))
    await report("cuda kernels", await findNvcc(), NO_NVCC, false, buildCuda);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
