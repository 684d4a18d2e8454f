import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    // One for each core of the smallest machine that has to run them; most tests use one thread.
    maxWorkers: 2,
    globalSetup: ["test/support/buildEmulatedCuda.ts"],
  },
});
