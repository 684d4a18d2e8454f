import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take longer than the others by far, the longest first: begun last, they would keep one core waiting. */
const longest = [
  "test/kernels/cpu.test.ts",
  "test/attribution/golden.test.ts",
  "test/kernels/cuda.test.ts",
  "test/model/generation/golden.test.ts",
  "test/backend/cuda.test.ts",
  "test/cli/",
  "test/models/",
  "test/readme/",
  "test/reproductions/",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((name) => moduleId.includes(`/${name}`));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other));
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    // One for each core of the smallest machine that has to run them; most tests use one thread.
    maxWorkers: 2,
    globalSetup: ["test/support/buildEmulatedCuda.ts"],
    sequence: { sequencer: LongestFirst },
  },
});
