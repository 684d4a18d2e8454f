/** TensorFlow.js's own op tests, on our backends. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, it } from "vitest";
import { listBackends } from "../../src/backend/backend.ts";
import { bundleOpTests } from "./bundle.ts";
import type { OpTestReport } from "./run.ts";

/** Tests that we do not want to pass, by a part of their name or message; nothing that our models use may be here. */
const exceptions: readonly { readonly part: string; readonly reason: string; readonly on: readonly string[] }[] = [
  {
    part: "gather throws when index is out of bound",
    reason: "it throws, with a sentence of ours",
    on: ["native", "cuda"],
  },
  { part: "expected real numbers, received complex ones", reason: "no model here has complex numbers", on: ["cuda"] },
];

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
    const allowed = exceptions.filter(({ on }) => on.includes(backend.name));
    const excepted = ({ name, message }: OpTestReport["failed"][number]) =>
      allowed.filter(({ part }) => name.includes(part) || message.includes(part));
    expect(report.failed.filter((test) => excepted(test).length === 0)).toEqual([]);
    // An exception that nothing needs any more has to go.
    expect(new Set(report.failed.flatMap(excepted))).toEqual(new Set(allowed));
    expect(report.passed).toBeGreaterThan(3380);
  });
}
