/** Compiling what has changed: shared by the builds of the CPU library (build.mjs) and the CUDA library (buildCuda.mjs). */

import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
export const root = fileURLToPath(new URL(".", import.meta.url));
export const outputPath = (name) => join(root, "build", name);

/** The first of some commands that answers `--version`, with its version; undefined if there is none. */
export async function findCommand(commands, versionLine) {
  for (const command of commands) {
    try {
      const { stdout } = await run(command, ["--version"]);
      return { command, version: versionLine(stdout.trim().split("\n")) };
    } catch {
      // Not there, or not a compiler: try the next one.
    }
  }
  return undefined;
}

/** The compiler of C++ to use with its version, or undefined if there is none: $CXX alone where it is set, g++, clang++. */
export const findCompiler = () =>
  findCommand(process.env.CXX ? [process.env.CXX] : ["g++", "clang++"], (lines) => lines[0]);

/** C++ and CUDA sources and headers of a folder. */
export const sourcesIn = (folder) =>
  readdirSync(join(root, folder))
    .filter((name) => /\.(cc|cu|h)$/.test(name))
    .sort()
    .map((name) => join(root, folder, name));

function contentHash(files, extra) {
  const hash = createHash("sha256").update(JSON.stringify(extra));
  for (const file of files) hash.update(file.slice(root.length)).update(readFileSync(file));
  return hash.digest("hex");
}

/** What an output was made of, and its own checksum, by which the program knows a damaged library before it opens it. */
const stampText = (madeOf, output) => `${madeOf} ${createHash("sha256").update(readFileSync(output)).digest("hex")}`;

/** Runs the compiler, unless `output` is as the same sources, arguments and compiler made it. Returns whether it had to. */
async function make(compiler, sources, args, output) {
  const madeOf = contentHash(sources, [compiler, args]);
  const stamp = `${output}.hash`;
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, "utf8") === stampText(madeOf, output))
    return false;
  mkdirSync(join(root, "build"), { recursive: true });
  // Two builds at once, or a program that has the old library open, never see half a file.
  const partial = `${output}.${randomUUID()}`;
  try {
    await run(compiler.command, [...args, "-o", partial], { maxBuffer: 1 << 26 });
    writeFileSync(`${partial}.hash`, stampText(madeOf, partial));
    renameSync(partial, output);
    renameSync(`${partial}.hash`, stamp);
  } finally {
    for (const file of [partial, `${partial}.hash`]) rmSync(file, { force: true });
  }
  return true;
}

/** All units at once into `output`. */
export const compile = (compiler, sources, flags, output) =>
  make(compiler, sources, [...flags, ...sources.filter((file) => file.endsWith(".cc"))], output);

/**
 * Each unit on its own, as many at a time as there are processors, so that a change of one compiles only that one; returns the
 * objects. Their names begin with `kind`: what is compiled in the same way has the same kind, and is compiled once for all
 * that it is linked into. A source that comes with flags of its own is a pair of both.
 */
export async function compileObjects(compiler, sources, flags, kind) {
  const pairs = sources.map((source) => (Array.isArray(source) ? source : [source, []]));
  const headers = pairs.map(([file]) => file).filter((file) => file.endsWith(".h"));
  const units = pairs.filter(([file]) => !file.endsWith(".h"));
  const objects = units.map(([file]) => outputPath(`${kind}.${file.slice(root.length).replaceAll("/", ".")}.o`));
  const waiting = units.map((_, i) => i);
  const worker = async () => {
    for (let i = waiting.shift(); i !== undefined; i = waiting.shift()) {
      const [file, own] = units[i];
      await make(compiler, [file, ...headers], [...flags, ...own, "-c", file], objects[i]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return objects;
}

/** Objects into `output`. Returns whether anything had to be done. */
export const link = (compiler, objects, flags, output) => make(compiler, objects, [...flags, ...objects], output);
