/** One script of `run.ts` and TensorFlow.js's op tests, for a process of its own: they reset the engine as they please. */

import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

const require = createRequire(import.meta.url);
const core = dirname(require.resolve("@tensorflow/tfjs-core/package.json"));

function opTests(): string[] {
  const files = readdirSync(join(core, "dist/ops"), { recursive: true }).map(String);
  return files.filter((file) => file.endsWith("_test.js")).sort();
}

const opTestsModule: Plugin = {
  name: "tfjs-op-tests",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^tfjs-op-tests$/ }, () => ({ path: "tfjs-op-tests", namespace: "generated" }));
    onLoad({ filter: /.*/, namespace: "generated" }, () => ({
      resolveDir: core,
      contents: opTests()
        .map((file) => `import "./dist/ops/${file}";`)
        .join("\n"),
    }));
  },
};

/** Writes the script; it finds kernels/ as if it lay in this folder, so it has to be run from there or from `dist`. */
export async function bundleOpTests(outfile: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL("run.ts", import.meta.url))],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    mainFields: ["module", "main"],
    // TensorFlow.js declares its tests free of side effects.
    ignoreAnnotations: true,
    external: ["koffi", "@tensorflow/tfjs-node", "@tensorflow/tfjs-node-gpu"],
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    plugins: [opTestsModule],
    logLevel: "error",
  });
}
