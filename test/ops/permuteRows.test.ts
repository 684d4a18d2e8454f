import fc from "fast-check";
import { expect, it } from "vitest";
import { ShapeError } from "../../src/errors.ts";
import { inverseOf, permuteRows } from "../../src/ops/permuteRows.ts";
import { grads, memory, ones, tensor, tidy } from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import { expectTensor } from "../support/compare.ts";
import { makeInput } from "../support/opCases.ts";

const permutations = fc
  .integer({ min: 1, max: 13 })
  .chain((M) => fc.shuffledSubarray([...Array(M).keys()], { minLength: M, maxLength: M }));
const D = 3;

/** Rows of a flat matrix in another order. */
const rowsOf = (values: ArrayLike<number>, order: readonly number[]): number[] =>
  order.flatMap((i) => Array.from({ length: D }, (_, d) => values[i * D + d] ?? Number.NaN));

describeOnBackends("permuteRows", () => {
  it("moves rows, and its gradient moves them back", () => {
    fc.assert(
      fc.property(permutations, fc.integer({ min: 0, max: 999 }), (order, seed) => {
        tidy(() => {
          const shape = [order.length, D];
          const [x, dy] = [makeInput({ shape, seed }), makeInput({ shape, seed: seed + 1 })];
          expectTensor(permuteRows(x, order), { shape, values: rowsOf(x.dataSync(), order) }, { ratio: 0 });
          const [dx] = grads((rows) => permuteRows(rows, order))([x], dy);
          expectTensor(dx ?? dy, { shape, values: rowsOf(dy.dataSync(), inverseOf(order)) }, { ratio: 0 });
        });
      }),
      { numRuns: 20 },
    );
  });

  it("keeps nothing but its result", () => {
    const x = tensor([1, 2, 3, 4], [2, 2]);
    const before = memory().numTensors;
    permuteRows(x, [1, 0]).dispose();
    expect(memory().numTensors).toBe(before);
    x.dispose();
  });

  it("refuses what is no permutation of the rows", () => {
    tidy(() => {
      expect(() => permuteRows(ones([3, 2]), [0, 1])).toThrow(ShapeError);
      expect(() => permuteRows(ones([3, 2]), [0, 1, 1])).toThrow(RangeError);
      expect(() => permuteRows(ones([3, 2]), [0, 1, 3])).toThrow(
        "permuteRows: expected every row from 0 to 2 once, received [0,1,3]",
      );
    });
  });
});
