/** What `npm publish` would send: all that is needed, and nothing that is made here. */

import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const description = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly exports: { readonly ".": Readonly<Record<string, string>> };
  readonly bin: Readonly<Record<string, string>>;
  readonly browser: Readonly<Record<string, string | false>>;
};

test("the package has what it points to, the kernels' sources and the demo, and no build of ours", () => {
  const told = execFileSync("npm", ["pack", "--dry-run", "--ignore-scripts", "--json"], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 2 ** 26,
  });
  const [packed] = JSON.parse(told) as [{ size: number; files: readonly { path: string }[] }];
  const paths = new Set(packed.files.map(({ path }) => path));
  const pointedTo = [
    ...Object.values(description.exports["."]),
    ...Object.values(description.bin),
    // Those below src are for bundles of the source itself.
    ...Object.entries(description.browser).flat(),
  ].filter((path): path is string => typeof path === "string" && path.startsWith("./dist/"));
  expect(pointedTo.length).toBeGreaterThan(4);
  expect(pointedTo.filter((path) => !paths.has(path.replace("./", "")))).toEqual([]);
  for (const needed of [
    "README.md",
    "LICENSE",
    "docs/models.md",
    "kernels/build.mjs",
    "kernels/include/inseq_kernels.h",
    "kernels/cpu/linear.cc",
    "kernels/cuda/linear.cu",
    "models/demo/stories-gpt2/model.safetensors",
    "models/demo/translation-marian/model.safetensors",
  ]) {
    expect(paths, needed).toContain(needed);
  }
  expect([...paths].filter((path) => /^kernels\/(?:build|test)\/|^(?:test|bench|src)\/|\.bin$/.test(path))).toEqual([]);
  // Two small models and their texts are 8 MB of it.
  expect(packed.size).toBeLessThan(12e6);
});

// npm makes a program executable when it links it, which it does not do again for one that was built anew.
test.skipIf(process.platform === "win32")("npx inseq can start what was built", () => {
  for (const program of Object.values(description.bin)) {
    expect(statSync(join(root, program)).mode & 0o111, program).toBe(0o111);
  }
});
