/**
 * Compiles the CPU kernels: `npm run build:kernels`. Plain Node, no dependency.
 *
 * One shared library for each instruction set goes into `kernels/build`; the program picks one when it runs, so nothing is
 * tied to the machine that compiled. A library is made anew only when a source, a flag or the compiler has changed.
 * Without a compiler one line says so, and the program computes with its other backends.
 */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL(".", import.meta.url));

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
const SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/** The compiler to use with its version, or undefined if there is none: $CXX, g++, clang++. */
export async function findCompiler() {
  for (const command of process.env.CXX ? [process.env.CXX] : ["g++", "clang++"]) {
    try {
      const { stdout } = await run(command, ["--version"]);
      return { command, version: stdout.split("\n")[0] };
    } catch {
      // Not there, or not a compiler: try the next one.
    }
  }
  return undefined;
}

const sourcesIn = (folder) =>
  readdirSync(join(root, folder))
    .filter((name) => /\.(cc|h)$/.test(name))
    .sort()
    .map((name) => join(root, folder, name));

function contentHash(files, extra) {
  const hash = createHash("sha256").update(JSON.stringify(extra));
  for (const file of files) hash.update(file.slice(root.length)).update(readFileSync(file));
  return hash.digest("hex");
}

/** Compiles unless `output` stems from the same sources, flags and compiler. Returns whether it had to. */
async function compile(compiler, sources, flags, output) {
  const hash = contentHash(sources, [compiler, flags]);
  const stamp = `${output}.hash`;
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return false;
  mkdirSync(join(root, "build"), { recursive: true });
  // Two builds at once, or a program that has the old library open, never see half a file.
  const partial = `${output}.${process.pid}`;
  const units = sources.filter((file) => file.endsWith(".cc"));
  try {
    await run(compiler.command, [...flags, ...units, "-o", partial], { maxBuffer: 1 << 26 });
    renameSync(partial, output);
  } finally {
    rmSync(partial, { force: true });
  }
  writeFileSync(stamp, hash);
  return true;
}

export const libraryPath = (instructionSet) => join(root, "build", `inseq_kernels_${instructionSet}.so`);

/** All libraries; returns the instruction sets that had to be compiled. */
export async function buildLibraries(compiler) {
  const sources = [...sourcesIn("include"), ...sourcesIn("library"), ...sourcesIn("cpu")];
  const made = await Promise.all(
    Object.entries(instructionSets).map(async ([name, flags]) =>
      (await compile(compiler, sources, [...RELEASE, ...flags], libraryPath(name))) ? [name] : [],
    ),
  );
  return made.flat();
}

/** The test program of one instruction set, with sanitizers; returns its path. */
export async function buildTestProgram(compiler, instructionSet) {
  const output = join(root, "build", `test_${instructionSet}`);
  const sources = [...sourcesIn("include"), ...sourcesIn("library"), ...sourcesIn("cpu"), ...sourcesIn("test")];
  await compile(compiler, sources, [...TEST, ...SANITIZERS, ...instructionSets[instructionSet]], output);
  return output;
}

const print = (line) => process.stdout.write(`${line}\n`);

async function main() {
  const compiler = await findCompiler();
  if (compiler === undefined) {
    print("kernels: no C++ compiler (looked for $CXX, g++, clang++): the wasm and cpu backends serve instead");
    return;
  }
  const start = Date.now();
  try {
    const made = await buildLibraries(compiler);
    const seconds = ((Date.now() - start) / 1000).toFixed(1);
    print(
      made.length > 0
        ? `kernels: compiled ${made.join(", ")} with ${compiler.version} in ${seconds} s`
        : "kernels: up to date",
    );
  } catch (error) {
    process.stderr.write(`kernels: ${compiler.command} failed\n${error.stderr ?? error.message}\n`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
