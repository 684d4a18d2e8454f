/** TensorFlow.js's own op tests, on our backends. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, inject, it } from "vitest";
import { listBackends } from "../../src/backend/backend.ts";
import { bundleOpTests } from "./bundle.ts";
import type { OpTestReport } from "./run.ts";

interface Exception {
  /** Of the test's name or its message. */
  readonly part: string;
  readonly reason: string;
}

/** Milliseconds: a few seconds where nothing else runs. */
const MOST_TIME = 240_000;

const onDevice = "ids are checked on the device, so that nothing waits: the next read throws, which is the next test's";

/** Tests that we do not want to pass; nothing that our models use may be here. */
const exceptions: Readonly<Record<string, readonly Exception[]>> = {
  native: [{ part: "gather throws when index is out of bound", reason: "it throws, with a sentence of ours" }],
  cuda: [
    { part: "expected real numbers, received complex ones", reason: "no model here has complex numbers" },
    { part: "gather throws when index is out of bound", reason: onDevice },
    { part: "gather: expected numbers from 0 to 1, received 100 at place 0", reason: onDevice },
  ],
};

const script = join(import.meta.dirname, "../../dist/test/tfjsOpTests.mjs");
const run = promisify(execFile);

beforeAll(async () => {
  await bundleOpTests(script);
});

async function check(backend: string, env: Readonly<Record<string, string>>): Promise<void> {
  const { stdout } = await run(process.execPath, [script, backend], {
    env: { ...process.env, ...env },
    maxBuffer: 2 ** 26,
  });
  const report = JSON.parse(stdout) as OpTestReport;
  const allowed = exceptions[backend] ?? [];
  const excepted = ({ name, message }: OpTestReport["failed"][number]) =>
    allowed.filter(({ part }) => name.includes(part) || message.includes(part));
  expect(report.failed.filter((test) => excepted(test).length === 0)).toEqual([]);
  // An exception that nothing needs any more has to go.
  expect(new Set(report.failed.flatMap(excepted))).toEqual(new Set(allowed));
  expect(report.passed).toBeGreaterThan(3380);
}

const statuses = await listBackends();
const absent = (name: string): string | undefined => {
  const status = statuses.find((known) => known.name === name);
  return status?.available === false ? status.reason : undefined;
};
const emulated = inject("emulatedCuda");

it.skipIf(absent("native"))(
  "TensorFlow.js's op tests pass on native, but for those that are excepted",
  async () => {
    await check("native", {});
  },
  MOST_TIME,
);

it.skipIf(absent("cuda") && emulated === null)(
  `TensorFlow.js's op tests pass on cuda${absent("cuda") ? " (emulated)" : ""}, but for those that are excepted`,
  async () => {
    await check("cuda", absent("cuda") ? { INSEQ_CUDA_LIBRARY: emulated ?? "" } : {});
  },
  MOST_TIME,
);
