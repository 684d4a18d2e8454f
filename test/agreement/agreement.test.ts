/** The published agreement with PyTorch and Inseq holds: no architecture is worse than docs/models.md says. */

import { describe, expect, test } from "vitest";
import { errors, measureAgreement, measured, quantities } from "./measure.ts";
import { allowed, readPublished } from "./published.ts";

const published = readPublished();

test("every architecture with golden numbers is published (npm run agreement measures them)", () => {
  expect(Object.keys(published.architectures)).toEqual(measured);
});

describe.each(Object.entries(published.architectures))("%s", (architecture, expected) => {
  test("agrees as published, within what another order of summation moves", async () => {
    const actual = await measureAgreement(architecture);
    for (const quantity of quantities) {
      const [now, then] = [actual[quantity], expected[quantity]];
      if (now === null || then === null) {
        expect(now, quantity).toBe(then);
        continue;
      }
      const most = allowed(quantity, then);
      expect(now.max, `largest error of ${quantity}`).toBeLessThanOrEqual(most.max);
      expect(now.mean, `mean error of ${quantity}`).toBeLessThanOrEqual(most.mean);
    }
  });
});

describe("errors", () => {
  const compare = (received: number[], expected: number[], unit: "range" | "magnitude") =>
    errors([{ received, expected, unit }]);

  test("are shares of the range or of the largest magnitude", () => {
    expect(compare([3, 5, -1], [3, 4, -1], "range")).toEqual({ max: 1 / 5, mean: 1 / 15 });
    expect(compare([3, 5, -1], [3, 4, -1], "magnitude")).toEqual({ max: 1 / 4, mean: 1 / 12 });
  });

  test("know no number but itself as NaN, and no other length", () => {
    expect(compare([NaN, 1], [NaN, 1], "magnitude")).toEqual({ max: 0, mean: 0 });
    expect(compare([0, 1], [NaN, 1], "magnitude")?.max).toBe(Infinity);
    expect(compare([NaN, 1], [0, 1], "magnitude")?.max).toBe(Infinity);
    expect(compare([1], [1, 1], "range")?.max).toBe(Infinity);
    expect(errors([])).toBeNull();
  });
});
