/**
 * Compiles the kernels: `npm run build:kernels`. Plain Node, no dependency.
 *
 * One shared library for each instruction set of the CPU goes into `kernels/build`; the program picks one when it runs, so
 * nothing is tied to the machine that compiled. Where there are nvcc and a GPU, the CUDA library is made, too (buildCuda.mjs).
 * What is there is made anew only when a source, a flag or the compiler has changed. Without a compiler one line says so, and the
 * program computes with its other backends.
 */

import { existsSync } from "node:fs";
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
/**
 * Pointers to nothing and past the end of an object are found by the address sanitizer already. (Switched on, their checks found
 * nothing in the AVX2 suite, and took 7 s of a processor more.)
 */
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

function noCompiler() {
  const { CXX } = process.env;
  const where = CXX
    ? `$CXX is ${JSON.stringify(CXX)}, which does not run; it names one program`
    : "looked for g++, clang++";
  const instead = existsSync(libraryPath("portable"))
    ? "what was compiled before stays as it is"
    : "the wasm and cpu backends serve instead";
  return `no C++ compiler (${where}): ${instead}`;
}

function noNvcc() {
  const { NVCC } = process.env;
  const where = NVCC
    ? `$NVCC is ${JSON.stringify(NVCC)}, which does not run`
    : "looked for it on $PATH, in $CUDA_HOME, in /usr/local/cuda";
  return `no nvcc (${where}): the cuda backend is absent`;
}

const print = (line) => process.stdout.write(`${line}\n`);

/**
 * Builds one part and says what was done. A failure of the compiler fails the whole build if the part is `needed`, and so does
 * a missing compiler if the part was `askedFor`.
 */
async function report(name, tool, absent, { needed, askedFor = false, advice = "" }, build) {
  if (tool === undefined) {
    if (askedFor) process.exitCode = 1;
    return print(`${name}: ${absent()}`);
  }
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
    process.stderr.write(`${name}: ${tool.command} failed\n${error.stderr || error.message}\n${advice}`);
    if (needed) process.exitCode = 1;
  }
}

async function main() {
  const advice = "to do without these kernels, set CXX=none\n";
  await report("kernels", await findCompiler(), noCompiler, { needed: true, advice }, buildLibraries);
  // It takes minutes of a processor, so that it is left to `npm run build:cuda` where nothing could use it.
  const askedFor = process.argv.includes("--cuda");
  if (hasDriver() || askedFor)
    await report("cuda kernels", await findNvcc(), noNvcc, { needed: askedFor, askedFor }, buildCuda);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
