import { describe, expect, it } from "vitest";
import { mismatch } from "./compare.ts";

const row = (...values: number[]) => ({ shape: [values.length], values });

describe("mismatch", () => {
  it("accepts equal numbers, NaN for NaN and an infinity for itself", () => {
    const values = row(1, -0, NaN, Infinity, -Infinity);
    expect(mismatch(values, row(1, 0, NaN, Infinity, -Infinity), { ratio: 0 })).toBeNull();
  });

  it.each([
    [NaN, 1],
    [1, NaN],
    [Infinity, 1],
    [1, Infinity],
    [Infinity, -Infinity],
    [NaN, Infinity],
    [Infinity, NaN],
  ])("never accepts %d for %d", (received, expected) => {
    expect(mismatch(row(received, 0), row(expected, 0), { ratio: 1e9, floor: 1e9 })).toMatch(/^at \[0\]/);
  });

  it("looks at the shape before the numbers", () => {
    const received = { shape: [2, 1], values: [1, 2] };
    expect(mismatch(received, row(1, 2), { ratio: 1 })).toBe("shape: expected [2], received [2, 1]");
    expect(mismatch({ shape: [2], values: [1] }, row(1, 2), { ratio: 1 })).toMatch(/^size: .* received has 1/);
  });

  it("names the worst place, both numbers and the ratio to the largest expected one", () => {
    const expected = { shape: [2, 3], values: [0, 1, 2, 3, 4, 10] };
    const received = { shape: [2, 3], values: [0, 1.1, 2, 3, 5, 10] };
    expect(mismatch(received, expected, { ratio: 0.01 })).toBe(
      "at [1, 1]: expected 4, received 5; ratio 1.0e-1, allowed 1.0e-2, floor 0",
    );
    expect(mismatch(received, expected, { ratio: 0.1 })).toBeNull();
    expect(mismatch(received, expected, { ratio: 0.01, floor: 1 })).toBeNull();
  });

  it("allows nothing but zeros where only zeros are expected, unless there is a floor", () => {
    expect(mismatch(row(1e-9), row(0), { ratio: 1 })).toMatch(/expected 0, received 1e-9/);
    expect(mismatch(row(1e-9), row(0), { ratio: 1, floor: 1e-8 })).toBeNull();
  });
});
