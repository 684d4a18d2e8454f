/** Products with matrices in fewer bits are products with what they were rounded to; and rounding is as fine as it says. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/errors.ts";
import { activate } from "../../src/ops/activation.ts";
import { type CompactMatrix, compactLinear, compactMatrix } from "../../src/ops/compactLinear.ts";
import { compactFormats, decodeMatrix, encodeMatrix, GROUP_ROWS } from "../../src/ops/compactMatrix.ts";
import { linear } from "../../src/ops/linear.ts";
import { grads, memory, ones, type Tensor, tensor, tidy } from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import { expectTensor, ROUNDING } from "../support/compare.ts";
import { makeInput } from "../support/opCases.ts";

const numbers = (x: Tensor) => ({ shape: x.shape, values: x.dataSync() });
const drawn = (I: number, O: number, seed: number) =>
  Float32Array.from(tidy(() => makeInput({ shape: [I, O], seed }).dataSync()));

/** Sizes beside those at which groups, bytes, words and the panels of kernels end. */
const sizes = fc.record({
  lead: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
  I: fc.constantFrom(1, 2, 7, 31, 32, 33, 70),
  O: fc.constantFrom(1, 2, 3, 16, 31, 32, 33, 67),
  bias: fc.boolean(),
  seed: fc.integer({ min: 0, max: 1000 }),
});

describe.each(compactFormats)("%s", (format) => {
  describeOnBackends(
    "compactLinear",
    () => {
      it("multiplies by the rounded matrix, and its gradients are those of this product", () => {
        fc.assert(
          fc.property(sizes, ({ lead, I, O, bias, seed }) => {
            tidy(() => {
              const matrix = drawn(I, O, seed);
              const compact = compactMatrix(format, matrix, [I, O]);
              const { words, scales } = encodeMatrix(format, matrix, I, O);
              const rounded = tensor(decodeMatrix(format, words, scales, I, O), [I, O]);
              const x = makeInput({ shape: [...lead, I], seed: seed + 1 });
              const b = makeInput({ shape: [O], seed: seed + 2 });
              const dy = makeInput({ shape: [...lead, O], seed: seed + 3 });
              const ours = (input: Tensor, added: Tensor) => compactLinear(input, compact, bias ? added : undefined);
              const whole = (input: Tensor, added: Tensor) => linear(input, rounded, bias ? added : undefined);
              // The terms of a sum may be larger than the sum.
              const tolerance = (terms: number) => ({ ratio: 16 * ROUNDING, floor: 64 * terms * ROUNDING });
              expectTensor(ours(x, b), numbers(whole(x, b)), tolerance(I));
              const wanted = bias ? [x, b] : [x];
              const [got, expected] = [ours, whole].map((f) =>
                grads((input, added = b) => f(input as Tensor, added))(wanted, dy),
              );
              for (const [i, gradient] of (got ?? []).entries())
                expectTensor(gradient, numbers(expected?.[i] as Tensor), tolerance(O));
            });
          }),
          { numRuns: 25 },
        );
      });

      it("gives with an activation what the activation gives of it, with the same gradients", () => {
        tidy(() => {
          const compact = compactMatrix(format, drawn(33, 17, 1), [33, 17]);
          const [x, b] = [makeInput({ shape: [2, 3, 33], seed: 2 }), makeInput({ shape: [17], seed: 3 })];
          const dy = makeInput({ shape: [2, 3, 17], seed: 4 });
          const together = (input: Tensor, bias: Tensor) => compactLinear(input, compact, bias, "silu");
          const apart = (input: Tensor, bias: Tensor) => activate(compactLinear(input, compact, bias), "silu");
          expectTensor(together(x, b), numbers(apart(x, b)), { ratio: 0 });
          const expected = grads(apart)([x, b], dy);
          for (const [i, gradient] of grads(together)([x, b], dy).entries())
            expectTensor(gradient, numbers(expected[i] as Tensor), { ratio: 0 });
        });
      });

      it("leaves nothing behind, and refuses what does not fit", () => {
        const compact: CompactMatrix = compactMatrix(format, drawn(5, 3, 1), [5, 3]);
        const before = memory().numTensors;
        tidy(() => {
          expect(() => compactLinear(ones([2, 4]), compact)).toThrow(
            new ShapeError("compactLinear: expected the last axis of x to be I=5, received [2, 4]"),
          );
          expect(() => compactLinear(ones([2, 5]), compact, ones([4]))).toThrow(ShapeError);
          expect(() => compactLinear(ones([2, 9]), { ...compact, shape: [9, 9] })).toThrow(ShapeError);
          compactLinear(ones([2, 5]), compact);
        });
        expect(memory().numTensors).toBe(before);
        compact.words.dispose();
        compact.scales.dispose();
      });
    },
    { emulated: true },
  );

  it("rounds to the nearest number that it can hold", () => {
    fc.assert(
      fc.property(sizes, ({ I, O, seed }) => {
        const matrix = drawn(I, O, seed);
        const { words, scales } = encodeMatrix(format, matrix, I, O);
        const rounded = decodeMatrix(format, words, scales, I, O);
        for (const [i, value] of matrix.entries()) {
          const group = format === "int4" ? Math.floor(i / O / GROUP_ROWS) : 0;
          const scale = Math.abs(scales[group * O + (i % O)] ?? 0);
          // Half a step; in int4, whose codes are not symmetric, up to one at the end that the largest is not at.
          const step = { bfloat16: Math.abs(value) * 2 ** -8, int8: scale / 2, int4: scale }[format];
          expect(Math.abs((rounded[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(step * (1 + 1e-5));
        }
      }),
      { numRuns: 50 },
    );
  });

  it("holds what it has rounded to once, exactly", () => {
    const once = encodeMatrix(format, drawn(45, 13, 3), 45, 13);
    const rounded = decodeMatrix(format, once.words, once.scales, 45, 13);
    const twice = encodeMatrix(format, rounded, 45, 13);
    // A scale that was rounded may come out one bit off; the codes may not change.
    expect(twice.words).toEqual(once.words);
  });

  it("has zeros for a matrix of zeros", () => {
    const { words, scales } = encodeMatrix(format, new Float32Array(70 * 3), 70, 3);
    expect(decodeMatrix(format, words, scales, 70, 3).every((value) => value === 0)).toBe(true);
  });
});

it("bytes are an eighth, a quarter and half of float32's, but for the scales", () => {
  const bytes = Object.fromEntries(
    compactFormats.map((format) => {
      const { words, scales } = encodeMatrix(format, new Float32Array(64 * 48), 64, 48);
      return [format, [words.byteLength, scales.byteLength]];
    }),
  );
  expect(bytes).toEqual({ int8: [3072, 192], int4: [1536, 384], bfloat16: [6144, 0] });
});
