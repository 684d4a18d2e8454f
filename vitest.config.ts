import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What starts a backend in a way of its own, or reads what the whole process has done: each file has its own process. */
const alone = [
  "test/backend/**/*.test.ts",
  "test/kernels/**/*.test.ts",
  "test/ops/**/*.test.ts",
  "test/attribution/gradient/widthReduction.test.ts",
  "test/method/gradient/segmentInputXGradient.test.ts",
];

/** Files that take longer than the others by far, the longest first: begun last, they would keep one core waiting. */
const longest = [
  "test/kernels/cpu.test.ts",
  "test/kernels/cuda.test.ts",
  "test/backend/cuda.test.ts",
  "test/ops/attention.test.ts",
  "test/backend/",
  "test/ops/",
  "test/attribution/golden.test.ts",
  "test/cli/",
  "test/models/",
  "test/readme/",
  "test/model/generation/golden.test.ts",
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
    testTimeout: 60_000,
    // One for each core of the smallest machine that has to run them; most tests use one thread.
    maxWorkers: 2,
    globalSetup: ["test/support/buildEmulatedCuda.ts"],
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: "alone", include: alone, provide: { alone: true } } },
      {
        extends: true,
        test: {
          name: "together",
          include: ["test/**/*.test.ts"],
          exclude: alone,
          provide: { alone: false },
          // Most files take less time than loading TensorFlow.js and all of our modules does: that is done once in a process.
          isolate: false,
          setupFiles: ["test/support/sameStart.ts"],
        },
      },
    ],
  },
});
