import fc from "fast-check";
import { expect, it } from "vitest";
import { ShapeError } from "../../src/errors.ts";
import { activate, activationNames } from "../../src/ops/activation.ts";
import { linear } from "../../src/ops/linear.ts";
import { record } from "../../src/ops/tape.ts";
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

  it("gives with an activation the bits of the activation of what it gives without, and of its gradients", () => {
    const names = [...new Set(Object.values(activationNames))];
    fc.assert(
      fc.property(sizes, fc.constantFrom(...names), fc.boolean(), ({ lead, I, O, seed }, activation, biased) => {
        tidy(() => {
          const inputs = [makeInput({ shape: [...lead, I], seed }), makeInput({ shape: [I, O], seed: seed + 1 })];
          if (biased) inputs.push(makeInput({ shape: [O], seed: seed + 2 }));
          const dy = makeInput({ shape: [...lead, O], seed: seed + 3 });
          const layer = (xs: Tensor[], options = {}) => linear(xs[0] as Tensor, xs[1] as Tensor, xs[2], options);
          const together = (...xs: Tensor[]) => layer(xs, { activation });
          const apart = (...xs: Tensor[]) => activate(layer(xs), activation);
          expectTensor(together(...inputs), numbers(apart(...inputs)), { ratio: 0 });
          const [gradients, expected] = [grads(together)(inputs, dy), grads(apart)(inputs, dy)];
          for (const [i, gradient] of gradients.entries())
            expectTensor(gradient, numbers(expected[i] as Tensor), { ratio: 0 });
        });
      }),
      { numRuns: 25 },
    );
  });

  it("is two operations on the tape where it has an activation, so that rules for activations apply", () => {
    tidy(() => {
      const [x, kernel] = [makeInput({ shape: [3, 5], seed: 1 }), makeInput({ shape: [5, 2], seed: 2 })];
      const { y, entries, release } = record(() => linear(x, kernel, undefined, { activation: "tanh" }));
      const ours = entries.filter(({ kernelName }) => ["Linear", "Activation"].includes(kernelName));
      expect(ours.map(({ kernelName, attributes }) => [kernelName, attributes])).toEqual([
        ["Linear", { transposeKernel: false }],
        ["Activation", { activation: "tanh" }],
      ]);
      expect(ours[1]?.inputs.x?.id).toBe(ours[0]?.outputs[0]?.id);
      expect(ours[1]?.outputs[0]?.id).toBe(y.id);
      expectTensor(ours[1]?.saved[0] as Tensor, numbers(linear(x, kernel)), { ratio: 0 });
      release();
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
