import fc from "fast-check";
import { expect, it } from "vitest";
import { ShapeError } from "../../src/errors.ts";
import { repeat } from "../../src/ops/repeat.ts";
import { grads, mul, reshape, scalar, sum, type Tensor, tidy } from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import { expectTensor, ROUNDING } from "../support/compare.ts";
import { makeInput } from "../support/opCases.ts";
import { opSuite } from "../support/opSuite.ts";

opSuite("repeat");

const numbers = (x: Tensor) => ({ shape: x.shape, values: x.dataSync() });

describeOnBackends("repeat", () => {
  it("sums to n times the input over its copies, and its gradient is the sum of the copies' cotangents", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 0, max: 1000 }),
        (shape, times, seed) => {
          tidy(() => {
            const x = makeInput({ shape, seed });
            const [K = 1, ...rest] = shape;
            const copies = (y: Tensor) => sum(reshape(y, [K, times, ...rest]), 1);
            const close = { ratio: 16 * ROUNDING, floor: 64 * ROUNDING };
            expectTensor(copies(repeat(x, times)), numbers(mul(x, scalar(times))), close);
            const dy = makeInput({ shape: [K * times, ...rest], seed: seed + 1 });
            const [dx] = grads((input) => repeat(input, times))([x], dy) as [Tensor];
            expectTensor(dx, numbers(copies(dy)), close);
          });
        },
      ),
    );
  });

  it("refuses a number, which has no rows", () => {
    expect(() => tidy(() => repeat(scalar(1), 2))).toThrow(ShapeError);
  });
});
