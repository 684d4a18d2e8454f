/**
 * Packs what a machine with a GPU, CUDA and Python needs, and nothing else, into a folder of two files:
 *
 *   npx tsx bench/device/pack.ts [FOLDER]        default: dist/device
 *   there:  bash FOLDER/run.sh RESULT.json
 *
 * That machine needs neither Node nor a network: the Node that runs this goes along. Where there is nvcc here, so does the library
 * that it compiles, for machines without one. Needs tar and xz.
 */

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { build } from "esbuild";
import { buildCuda, cudaLibrary, findNvcc } from "../../kernels/buildCuda.mjs";
import { referenceArchitectures } from "../../test/support/goldenResults.ts";
import { bundleOpTests } from "../../test/tfjs/bundle.ts";
import { thisMachine } from "../machine.ts";

/** Half of what one may carry along to machines that are lent. */
const MOST_BYTES = 32 * 2 ** 20;
const root = resolve(import.meta.dirname, "../..");
const folder = resolve(process.argv[2] ?? join(root, "dist/device"));
const content = mkdtempSync(join(tmpdir(), "inseq-device-"));

// The programs find kernels/ two folders above them, as they do in the repository.
const program = join(content, "program/dist");
mkdirSync(program, { recursive: true });
cpSync(process.execPath, join(content, "node"), { dereference: true });
writeFileSync(join(content, "commit.txt"), thisMachine().commit);
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
for (const part of ["include", "library", "cuda", "test", "compile.mjs", "compileTests.mjs", "buildCuda.mjs"]) {
  cpSync(join(root, "kernels", part), join(content, "kernels", part), { recursive: true });
}
const nvcc = await findNvcc();
if (nvcc !== undefined) {
  await buildCuda(nvcc);
  for (const file of [cudaLibrary, `${cudaLibrary}.hash`])
    cpSync(file, join(content, "kernels/build", basename(file)), { recursive: true });
}
/** The cases that main.ts compares. */
const asked = (path: string): boolean =>
  !/\/expected\/./.test(path) || /\/expected\/(?:saliency|attention)\.json$/.test(path);
for (const architecture of referenceArchitectures) {
  const from = join(root, "test/golden", architecture);
  cpSync(from, join(content, "program/golden", architecture), { recursive: true, filter: asked });
}
/** Of the package, what runs: no sources of C++, no documentation, no build for another C library. */
const runs = (path: string): boolean =>
  statSync(path).isDirectory() ? !/vendor|doc|musl/.test(path) : /\.(?:c?js|json|node)$/.test(path);
for (const name of ["koffi", `@koromix/koffi-${process.platform}-${process.arch}`]) {
  const options = { recursive: true, filter: runs };
  cpSync(join(root, "node_modules", name), join(content, "node_modules", name), options);
}
cpSync(join(import.meta.dirname, "reference.py"), join(content, "reference.py"));

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const archive = join(folder, "device.tar.xz");
execFileSync("tar", ["-C", content, "-cJf", archive, "."], { stdio: "inherit" });
rmSync(content, { recursive: true });
cpSync(join(import.meta.dirname, "run.sh"), join(folder, "run.sh"));

const bytes = statSync(archive).size;
process.stdout.write(`${folder}: ${(bytes / 2 ** 20).toFixed(1)} MiB\n`);
if (bytes > MOST_BYTES) throw new Error(`expected ${archive} to have at most ${MOST_BYTES} bytes, received ${bytes}`);
