import fc from "fast-check";
import { expect, it } from "vitest";
import { ShapeError } from "../../src/errors.ts";
import { rmsNorm } from "../../src/ops/rmsNorm.ts";
import { grads, mean, mul, ones, scalar, type Tensor, tidy, zeros } from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import { expectTensor, ROUNDING } from "../support/compare.ts";
import { makeInput } from "../support/opCases.ts";
import { opSuite } from "../support/opSuite.ts";

opSuite("rmsNorm");

const numbers = (x: Tensor) => ({ shape: x.shape, values: x.dataSync() });
const sizes = fc.record({
  rows: fc.integer({ min: 1, max: 5 }),
  D: fc.integer({ min: 8, max: 67 }),
  seed: fc.integer({ min: 0, max: 1000 }),
});
const EPSILON = 1e-12;

describeOnBackends("rmsNorm", () => {
  it("does not change when a row is multiplied, but for its sign", () => {
    fc.assert(
      fc.property(sizes, ({ rows, D, seed }) => {
        tidy(() => {
          const x = makeInput({ shape: [rows, D], seed });
          const scale = makeInput({ shape: [D], seed: 1 });
          const y = rmsNorm(x, scale, EPSILON);
          expectTensor(rmsNorm(mul(x, scalar(-8)), scale, EPSILON), numbers(mul(y, scalar(-1))), {
            ratio: 16 * ROUNDING,
          });
        });
      }),
    );
  });

  it("has gradients that are orthogonal to the row: its length does not matter", () => {
    fc.assert(
      fc.property(sizes, ({ rows, D, seed }) => {
        tidy(() => {
          const x = makeInput({ shape: [rows, D], seed });
          const scale = makeInput({ shape: [D], seed: 1 });
          const dy = makeInput({ shape: [rows, D], seed: seed + 1 });
          const [dx] = grads((input) => rmsNorm(input, scale, EPSILON))([x], dy) as [Tensor];
          const size = Math.max(...Array.from(dx.dataSync(), Math.abs));
          expectTensor(mean(mul(dx, x), 1), numbers(zeros([rows])), { ratio: 0, floor: 256 * ROUNDING * size });
        });
      }),
    );
  });

  it("refuses a scale of another width", () => {
    tidy(() => {
      expect(() => rmsNorm(ones([2, 3]), ones([2]), 1e-6)).toThrow(
        new ShapeError("rmsNorm: expected scale of shape [3], received [2]"),
      );
    });
  });
});
