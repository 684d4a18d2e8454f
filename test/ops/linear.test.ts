import fc from "fast-check";
import { expect, it } from "vitest";
import { ShapeError } from "../../src/errors.ts";
import { linear } from "../../src/ops/linear.ts";
import { add, grads, mul, ones, scalar, sum, type Tensor, tidy, transpose } from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import { expectTensor, ROUNDING } from "../support/compare.ts";
import { makeInput } from "../support/opCases.ts";
import { opSuite } from "../support/opSuite.ts";

opSuite("linear");

const numbers = (x: Tensor) => ({ shape: x.shape, values: x.dataSync() });
const sizes = fc.record({
  lead: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
  I: fc.integer({ min: 1, max: 9 }),
  O: fc.integer({ min: 1, max: 9 }),
  seed: fc.integer({ min: 0, max: 1000 }),
});

describeOnBackends("linear", () => {
  it("gives the same for a transposed kernel", () => {
    fc.assert(
      fc.property(sizes, ({ lead, I, O, seed }) => {
        tidy(() => {
          const x = makeInput({ shape: [...lead, I], seed });
          const kernel = makeInput({ shape: [I, O], seed: seed + 1 });
          const transposed = linear(x, transpose(kernel), undefined, { transposeKernel: true });
          // The terms of a sum may be larger than the sum.
          const tolerance = { ratio: 16 * ROUNDING, floor: 64 * I * ROUNDING };
          expectTensor(transposed, numbers(linear(x, kernel)), tolerance);
        });
      }),
    );
  });

  it("has a backward pass that is its adjoint: ⟨dy, x W⟩ = ⟨dx, x⟩", () => {
    fc.assert(
      fc.property(sizes, fc.boolean(), ({ lead, I, O, seed }, transposeKernel) => {
        tidy(() => {
          const x = makeInput({ shape: [...lead, I], seed });
          const kernel = makeInput({ shape: transposeKernel ? [O, I] : [I, O], seed: seed + 1 });
          const dy = makeInput({ shape: [...lead, O], seed: seed + 2 });
          const f = (input: Tensor) => linear(input, kernel, undefined, { transposeKernel });
          const [dx] = grads(f)([x], dy) as [Tensor];
          const left = sum(mul(dy, f(x)));
          const terms = 4 * 4 * lead.reduce((a, b) => a * b, 1) * I * O;
          expectTensor(sum(mul(dx, x)), numbers(left), { ratio: 16 * ROUNDING, floor: terms * ROUNDING });
        });
      }),
    );
  });

  it("has a backward pass that is linear in the cotangent", () => {
    tidy(() => {
      const [x, kernel] = [makeInput({ shape: [3, 5, 7], seed: 1 }), makeInput({ shape: [7, 3], seed: 2 })];
      const [a, b] = [makeInput({ shape: [3, 5, 3], seed: 3 }), makeInput({ shape: [3, 5, 3], seed: 4 })];
      const backward = (dy: Tensor) => grads((input, weight) => linear(input, weight))([x, kernel], dy);
      const together = backward(add(mul(a, scalar(3)), b));
      const [first, second] = [backward(a), backward(b)];
      for (const [i, gradient] of together.entries()) {
        const [one, two] = [first[i], second[i]] as [Tensor, Tensor];
        expectTensor(gradient, numbers(add(mul(one, scalar(3)), two)), { ratio: 32 * ROUNDING });
      }
    });
  });

  it("refuses an input, a bias or a kernel that does not fit", () => {
    tidy(() => {
      const kernel = ones([3, 5]);
      expect(() => linear(ones([2, 4]), kernel)).toThrow(
        new ShapeError("linear: expected the last axis of x to be I=3, received [2, 4]"),
      );
      expect(() => linear(ones([2, 3]), kernel, undefined, { transposeKernel: true })).toThrow(
        /I=5, received \[2, 3\]/,
      );
      expect(() => linear(ones([2, 3]), kernel, ones([1]))).toThrow(
        new ShapeError("linear: bias: expected shape [O] with O=5, received [1]"),
      );
      expect(() => linear(ones([2, 3]), ones([3]))).toThrow(ShapeError);
    });
  });
});
