import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AggregationFunctionId,
  aggregationFunction,
  aggregationFunctions,
  listAggregationFunctions,
} from "../../src/aggregate/functions.ts";
import { OptionError, ShapeError } from "../../src/errors.ts";

const apply = (id: AggregationFunctionId, values: number[], vnormOrd = 2) =>
  Math.fround(aggregationFunctions[id](Float32Array.from(values), { vnormOrd }));

test("the functions are Inseq's", () => {
  expect(listAggregationFunctions()).toEqual(["mean", "max", "min", "sum", "prod", "absmax", "vnorm"]);
});

test.each<[AggregationFunctionId, number[], number]>([
  ["mean", [1, 2, 6], 3],
  ["max", [-3, -1, -2], -1],
  ["min", [3, 1, 2], 1],
  ["sum", [1, -2, 4], 3],
  ["prod", [2, -3, 4], -24],
  ["absmax", [0.3, -0.7, 0.1], -0.7],
  ["absmax", [NaN, 0.2, -0.1], 0.2],
  ["absmax", [NaN, NaN], NaN],
  ["absmax", [1, -1], 1],
  ["absmax", [2, -Infinity], -Infinity],
  ["vnorm", [3, -4], 5],
  ["max", [1, NaN, 3], NaN],
  ["min", [NaN, 1], NaN],
  ["mean", [1, NaN], NaN],
  ["sum", [NaN], NaN],
  ["prod", [0, NaN], NaN],
  ["vnorm", [1, NaN], NaN],
])("%s(%j) is %d", (id, values, expected) => {
  expect(apply(id, values)).toBe(Math.fround(expected));
});

test.each([
  [1, 7],
  [3, Math.cbrt(91)],
  [Infinity, 4],
  [-Infinity, 3],
  [0, 2],
])("the norm of order %d of (3, -4) is %d", (order, expected) => {
  expect(apply("vnorm", [3, -4], order)).toBeCloseTo(expected, 5);
});

test("norms of NaN are NaN whatever the order", () => {
  for (const order of [1, 2, 3, Infinity, -Infinity]) expect(apply("vnorm", [1, NaN], order)).toBeNaN();
});

describe("an empty axis", () => {
  test("has the neutral element where there is one, and is refused where there is none", () => {
    expect(apply("sum", [])).toBe(0);
    expect(apply("prod", [])).toBe(1);
    expect(apply("vnorm", [])).toBe(0);
    expect(apply("mean", [])).toBeNaN();
    for (const id of ["max", "min", "absmax"] as const) expect(() => apply(id, [])).toThrow(ShapeError);
  });
});

test("an unknown function is refused with the nearest one", () => {
  expect(() => aggregationFunction("vnrom")).toThrow(OptionError);
  expect(() => aggregationFunction("vnrom")).toThrow(/did you mean "vnorm"/);
});

test("scaling the values scales the result, and prod to the power of their number", () => {
  const values = fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(values, (list) => {
      for (const id of listAggregationFunctions()) {
        const factor = id === "prod" ? 2 ** list.length : 2;
        expect(
          apply(
            id,
            list.map((x) => 2 * x),
          ),
        ).toBeCloseTo(factor * apply(id, list), 3);
      }
    }),
  );
});
