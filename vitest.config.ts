import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    // A test that prints is a test nobody reads: output belongs to the program, not to its tests.
    onConsoleLog: () => true,
  },
});
