import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesPerPoint, evenPart, rowsPerPass, stepsPerPass } from "../../src/attribution/budget.ts";
import type { ModelFacts } from "../../src/model/model.ts";

const facts: ModelFacts = {
  type: "gpt2",
  className: "GPT2LMHeadModel",
  width: 768,
  vocabSize: 50257,
  layers: 12,
  heads: 12,
  maxPositions: 1024,
};

const sizes = fc.record({
  positions: fc.integer({ min: 1, max: 1024 }),
  megabytes: fc.integer({ min: 0, max: 4096 }),
  sharesRepeats: fc.boolean(),
});

test("a pass stays within its bytes wherever one step does", () => {
  fc.assert(
    fc.property(sizes, ({ positions, megabytes, sharesRepeats }) => {
      const limits = { memoryBudget: megabytes * 2 ** 20, sharesRepeats };
      const steps = stepsPerPass(facts, positions, limits);
      const rows = rowsPerPass(facts, positions, steps, limits);
      expect(steps).toBeGreaterThanOrEqual(1);
      expect(rows).toBeGreaterThanOrEqual(steps);
      const points = Math.floor(rows / steps);
      const bytes = points * bytesPerPoint(facts, positions, steps, limits);
      if (bytes > limits.memoryBudget) expect([steps, points]).toEqual([1, 1]);
    }),
  );
});

test("a limit of rows is kept, and repeats that are stored once let more steps into a pass", () => {
  const limits = { memoryBudget: 2 ** 28, sharesRepeats: true };
  expect(rowsPerPass(facts, 100, 5, { ...limits, rows: 3 })).toBe(3);
  expect(stepsPerPass(facts, 100, { ...limits, rows: 3 })).toBe(3);
  const shared = stepsPerPass(facts, 100, limits);
  expect(shared).toBeGreaterThan(2 * stepsPerPass(facts, 100, { ...limits, sharesRepeats: false }));
});

test("even parts are as few as the size allows, and differ by one at most", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 99 }), (length, size) => {
      const parts: number[] = [];
      for (let left = length; left > 0; left -= parts.at(-1) ?? left) parts.push(evenPart(left, size));
      expect(parts.length).toBe(Math.ceil(length / size));
      expect(Math.max(...parts)).toBeLessThanOrEqual(size);
      expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(1);
    }),
  );
});
