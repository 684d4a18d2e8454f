/**
 * Runs TensorFlow.js's own op tests (those in the package `@tensorflow/tfjs-core`) on one backend, and prints what came of
 * them as JSON. `bundle.ts` makes one script of this file and the tests.
 */

import "./globals.ts";
import { setTestEnvs } from "@tensorflow/tfjs-core/dist/jasmine_util.js";
import type { Jasmine } from "jasmine-core/lib/jasmine-core/jasmine.js";
import { useBackend } from "../../src/backend/backend.ts";
import type { BackendName } from "../../src/backend/registry.ts";

export interface OpTestReport {
  readonly backend: string;
  readonly description: string;
  readonly passed: number;
  readonly failed: readonly { readonly name: string; readonly message: string }[];
}

const name = process.argv[2] as BackendName;
const { description } = await useBackend(name);
setTestEnvs([{ name, backendName: name, isDataSync: true }]);
await import("tfjs-op-tests");

const environment = (globalThis as unknown as { jasmine: Jasmine }).jasmine.getEnv();
const failed: { name: string; message: string }[] = [];
let passed = 0;
environment.addReporter({
  specDone({ status, fullName, failedExpectations }) {
    if (status === "passed") passed++;
    if (status === "failed") {
      // The name of the environment stands in each test's name.
      const test = fullName.replaceAll(` ${name} {}`, "");
      failed.push({ name: test, message: failedExpectations[0]?.message ?? "no message" });
    }
  },
});
environment.configure({ random: false });
await new Promise<void>((resolve) => environment.execute(undefined, resolve));
process.stdout.write(JSON.stringify({ backend: name, description, passed, failed } satisfies OpTestReport));
