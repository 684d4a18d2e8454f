import fc from "fast-check";
import { expect, it } from "vitest";
import { ShapeError } from "../../src/errors.ts";
import { rotary } from "../../src/ops/rotary.ts";
import { mul, ones, square, sum, type Tensor, tensor, tidy } from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import { expectTensor, ROUNDING } from "../support/compare.ts";
import { makeInput } from "../support/opCases.ts";
import { opSuite } from "../support/opSuite.ts";

opSuite("rotary");

const numbers = (x: Tensor) => ({ shape: x.shape, values: x.dataSync() });
const FREQUENCIES = [1, 0.3, 0.01];
const K = 2 * FREQUENCIES.length;

/** x [1, 2, T, K] turned by the angles of the given positions. */
function turned(x: Tensor, positions: readonly number[]): Tensor {
  const angles = positions.flatMap((position) => FREQUENCIES.map((frequency) => position * frequency));
  const of = (f: (angle: number) => number) => tensor(angles.map(f), [1, positions.length, FREQUENCIES.length]);
  return rotary(x, of(Math.cos), of(Math.sin));
}

const positions = fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 7 });
const seeds = fc.integer({ min: 0, max: 1000 });

describeOnBackends("rotary", () => {
  it("keeps the length of every vector", () => {
    fc.assert(
      fc.property(positions, seeds, (at, seed) => {
        tidy(() => {
          const x = makeInput({ shape: [1, 2, at.length, K], seed });
          const length = (y: Tensor) => sum(square(y), 3);
          expectTensor(length(turned(x, at)), numbers(length(x)), { ratio: 16 * ROUNDING });
        });
      }),
    );
  });

  it("makes products of queries and keys depend on the distance of their positions only", () => {
    fc.assert(
      fc.property(positions, seeds, fc.integer({ min: 0, max: 5000 }), (at, seed, shift) => {
        tidy(() => {
          const query = makeInput({ shape: [1, 2, at.length, K], seed });
          const key = makeInput({ shape: [1, 2, at.length, K], seed: seed + 1 });
          const distance = 3;
          const product = (moved: number) => {
            const here = at.map((position) => position + moved);
            const there = here.map((position) => position + distance);
            return sum(mul(turned(query, there), turned(key, here)), 3);
          };
          // Terms of up to 4 in size, six of them, through cosines rounded once.
          expectTensor(product(shift), numbers(product(0)), { ratio: 0, floor: 8 * K * 4 * ROUNDING });
        });
      }),
    );
  });

  it("refuses angles for other positions, widths or rows", () => {
    tidy(() => {
      const x = ones([2, 1, 3, 4]);
      expect(() => rotary(x, ones([1, 3, 4]), ones([1, 3, 4]))).toThrow(
        new ShapeError("rotary: expected at most K/2 = 2 angles for a position, received 4"),
      );
      expect(() => rotary(x, ones([1, 3, 2]), ones([1, 3, 1]))).toThrow(/^rotary: sin: .* C=2/);
      expect(() => rotary(x, ones([2, 3, 2]), ones([1, 3, 2]))).toThrow(/^rotary: sin: .* B=2/);
      expect(() => rotary(x, ones([3, 3, 2]), ones([3, 3, 2]))).toThrow(/^rotary: cos: .* B=2/);
      expect(() => rotary(ones([2, 3, 4]), ones([1, 3, 2]), ones([1, 3, 2]))).toThrow(ShapeError);
    });
  });
});
