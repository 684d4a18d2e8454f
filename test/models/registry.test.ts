/** The table of architectures: every one has a golden model, and an addition touches what CONTRIBUTING.md says. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { architectures as registry } from "../../models/registry.ts";
import { architectures, goldenPath } from "../support/goldenResults.ts";
import { variants } from "../support/variants.ts";

const root = join(import.meta.dirname, "..", "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

test("every architecture of the table has a golden model", () => {
  const folders = architectures.map((name) =>
    JSON.parse(readFileSync(goldenPath(name, "model", "config.json"), "utf8")),
  );
  const present = new Set([...folders, ...variants.map(({ config }) => config)].map(({ model_type }) => model_type));
  expect(Object.keys(registry).filter((type) => !present.has(type))).toEqual([]);
});

test("adding the example of CONTRIBUTING.md touched its file, the table, and golden entries", () => {
  const [, path = ""] =
    /for instance [^,]*, is a file that reads like its paper, `([\w/]+\.ts)`/.exec(read("CONTRIBUTING.md")) ?? [];
  const name = /(\w+)\.ts$/.exec(path)?.[1] ?? "";
  expect(Object.keys(registry)).toContain(name);
  const mentioned = ["src", "models", "test", "bench", "kernels"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .map((file) => `${folder}/${file}`)
      .filter((file) => /\.(ts|mjs|cc|h|cu|py)$/.test(file) && new RegExp(name, "i").test(read(file))),
  );
  expect(mentioned.sort()).toEqual([
    "models/registry.ts",
    path,
    "test/golden/make_golden.py",
    "test/golden/make_variants.py",
  ]);
  // The import and the row.
  expect(
    read("models/registry.ts")
      .split("\n")
      .filter((line) => line.includes(name)).length,
  ).toBe(2);
  expect(architectures).toContain(name);
});
