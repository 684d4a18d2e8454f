import fc from "fast-check";
import { expect, it } from "vitest";
import { ShapeError } from "../../src/errors.ts";
import { layerNorm } from "../../src/ops/layerNorm.ts";
import { add, grads, mean, mul, ones, scalar, type Tensor, tidy, zeros } from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import { expectTensor, ROUNDING } from "../support/compare.ts";
import { makeInput } from "../support/opCases.ts";
import { opSuite } from "../support/opSuite.ts";

opSuite("layerNorm");

const numbers = (x: Tensor) => ({ shape: x.shape, values: x.dataSync() });
const sizes = fc.record({
  rows: fc.integer({ min: 1, max: 5 }),
  D: fc.integer({ min: 8, max: 67 }),
  seed: fc.integer({ min: 0, max: 1000 }),
});
const EPSILON = 1e-12;
const close = { ratio: 128 * ROUNDING };

describeOnBackends("layerNorm", () => {
  it("does not change when a row is shifted and multiplied by a positive number", () => {
    fc.assert(
      fc.property(sizes, ({ rows, D, seed }) => {
        tidy(() => {
          const x = makeInput({ shape: [rows, D], seed });
          const [scale, bias] = [makeInput({ shape: [D], seed: 1 }), makeInput({ shape: [D], seed: 2 })];
          const moved = add(mul(x, scalar(4)), scalar(2));
          expectTensor(layerNorm(moved, scale, bias, EPSILON), numbers(layerNorm(x, scale, bias, EPSILON)), close);
        });
      }),
    );
  });

  it("has gradients that are orthogonal to what does not matter: a shift of the row and its length", () => {
    fc.assert(
      fc.property(sizes, ({ rows, D, seed }) => {
        tidy(() => {
          const x = makeInput({ shape: [rows, D], seed });
          const scale = makeInput({ shape: [D], seed: 1 });
          const dy = makeInput({ shape: [rows, D], seed: seed + 1 });
          const [dx] = grads((input) => layerNorm(input, scale, zeros([D]), EPSILON))([x], dy) as [Tensor];
          const size = Math.max(...Array.from(dx.dataSync(), Math.abs));
          const nothing = numbers(zeros([rows]));
          expectTensor(mean(dx, 1), nothing, { ratio: 0, floor: 64 * ROUNDING * size });
          expectTensor(mean(mul(dx, x), 1), nothing, { ratio: 0, floor: 256 * ROUNDING * size });
        });
      }),
    );
  });

  it("refuses a scale or bias of another width", () => {
    tidy(() => {
      expect(() => layerNorm(ones([2, 3]), ones([1]), ones([3]), 1e-5)).toThrow(
        new ShapeError("layerNorm: expected scale of shape [3], received [1]"),
      );
      expect(() => layerNorm(ones([2, 3]), ones([3]), ones([2, 3]), 1e-5)).toThrow(
        new ShapeError("layerNorm: expected bias of shape [3], received [2, 3]"),
      );
    });
  });
});
