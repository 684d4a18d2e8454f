/**
 * Packs what a machine with a GPU, CUDA and Python needs, and nothing else, into one folder of less than 64 MiB:
 *
 *   npx tsx bench/device/pack.ts [FOLDER]        default: dist/device
 *   there:  bash FOLDER/run.sh RESULT.json
 *
 * That machine needs neither Node nor a network: the Node that runs this goes along, compressed.
 */

import { cpSync, createReadStream, createWriteStream, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { build } from "esbuild";
import { referenceArchitectures } from "../../test/support/goldenResults.ts";
import { bundleOpTests } from "../../test/tfjs/bundle.ts";

const MOST_BYTES = 64 * 2 ** 20;
const root = resolve(import.meta.dirname, "../..");
const folder = resolve(process.argv[2] ?? join(root, "dist/device"));

rmSync(folder, { recursive: true, force: true });
// The programs find kernels/ two folders above them, as they do in the repository.
const program = join(folder, "program/dist");
mkdirSync(program, { recursive: true });

await pipeline(
  createReadStream(process.execPath),
  createGzip({ level: 9 }),
  createWriteStream(join(folder, "node.gz")),
);
await bundleOpTests(join(program, "opTests.mjs"));
await build({
  entryPoints: [join(import.meta.dirname, "main.ts")],
  outfile: join(program, "main.mjs"),
  bundle: true,
  minify: true,
  platform: "node",
  format: "esm",
  target: "node20",
  mainFields: ["module", "main"],
  external: ["koffi", "@tensorflow/tfjs-node", "@tensorflow/tfjs-node-gpu"],
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  logLevel: "error",
});
for (const part of ["include", "library", "cuda", "test", "compile.mjs", "build.mjs", "buildCuda.mjs"]) {
  cpSync(join(root, "kernels", part), join(folder, "kernels", part), { recursive: true });
}
for (const architecture of referenceArchitectures) {
  cpSync(join(root, "test/golden", architecture), join(folder, "program/golden", architecture), { recursive: true });
}
/** Of the package, what runs: no sources of C++, no documentation, no build for another C library. */
const runs = (path: string): boolean =>
  statSync(path).isDirectory() ? !/vendor|doc|musl/.test(path) : /\.(?:c?js|json|node)$/.test(path);
for (const name of ["koffi", `@koromix/koffi-${process.platform}-${process.arch}`]) {
  const options = { recursive: true, filter: runs };
  cpSync(join(root, "node_modules", name), join(folder, "node_modules", name), options);
}
for (const name of ["run.sh", "reference.py"]) cpSync(join(import.meta.dirname, name), join(folder, name));

const bytes = sizeOf(folder);
process.stdout.write(`${folder}: ${(bytes / 2 ** 20).toFixed(1)} MiB\n`);
if (bytes > MOST_BYTES)
  throw new Error(`expected at most ${MOST_BYTES} bytes in ${dirname(folder)}, received ${bytes}`);

function sizeOf(path: string): number {
  const info = statSync(path);
  if (!info.isDirectory()) return info.size;
  return readdirSync(path).reduce((total, name) => total + sizeOf(join(path, name)), 0);
}
