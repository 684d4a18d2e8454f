/** TensorFlow.js's own op tests, on our backends. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, it } from "vitest";
import { listBackends } from "../../src/backend/backend.ts";
import { bundleOpTests } from "./bundle.ts";
import type { OpTestReport } from "./run.ts";

/** Tests that we do not want to pass, by their names; the reason is why. Nothing that our models use may be here. */
const exceptions: Readonly<Record<string, string>> = {
  "gather throws when index is out of bound": "it throws, but the sentence is ours",
};

const script = join(import.meta.dirname, "../../dist/test/tfjsOpTests.mjs");
const run = promisify(execFile);

beforeAll(async () => {
  await bundleOpTests(script);
});

for (const backend of (await listBackends()).filter(({ name }) => name === "native" || name === "cuda")) {
  if (!backend.available) {
    it.skip(`TensorFlow.js's op tests, on ${backend.name}: ${backend.reason}`, () => {});
    continue;
  }
  it(`TensorFlow.js's op tests pass on ${backend.name}, but for those that are excepted`, async () => {
    const { stdout } = await run(process.execPath, [script, backend.name], { maxBuffer: 2 ** 26 });
    const report = JSON.parse(stdout) as OpTestReport;
    expect(report.failed.filter(({ name }) => exceptions[name] === undefined)).toEqual([]);
    expect(report.failed.map(({ name }) => name).sort()).toEqual(Object.keys(exceptions).sort());
    expect(report.passed).toBeGreaterThan(3400);
  });
}
