/** Tensors without numbers, and numbers that are none: results have their shapes, and NaN and infinity keep their meaning. */

import { expect, it } from "vitest";
import { activate } from "../../src/ops/activation.ts";
import { attention } from "../../src/ops/attention.ts";
import { embedding } from "../../src/ops/embedding.ts";
import { layerNorm } from "../../src/ops/layerNorm.ts";
import { linear } from "../../src/ops/linear.ts";
import { repeat } from "../../src/ops/repeat.ts";
import { rmsNorm } from "../../src/ops/rmsNorm.ts";
import { rotary } from "../../src/ops/rotary.ts";
import { select } from "../../src/ops/select.ts";
import {
  add,
  cast,
  concat,
  exp,
  gather,
  grads,
  logSoftmax,
  matMul,
  max,
  mul,
  ones,
  slice,
  softmax,
  sum,
  type Tensor,
  tensor,
  tidy,
  tile,
  transpose,
  where,
  zeros,
} from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";

const D = 4;
const noIds = (shape: readonly number[]): Tensor => zeros(shape, "int32");

/** Operations on no rows, with the shape of what they give. */
const withoutRows: Readonly<Record<string, readonly [run: () => Tensor, shape: readonly number[]]>> = {
  linear: [() => linear(zeros([0, 3, D]), ones([D, 5]), ones([5])), [0, 3, 5]],
  layerNorm: [() => layerNorm(zeros([0, D]), ones([D]), ones([D]), 1e-5), [0, D]],
  rmsNorm: [() => rmsNorm(zeros([0, D]), ones([D]), 1e-5), [0, D]],
  activation: [() => activate(zeros([2, 0]), "gelu"), [2, 0]],
  attention: [
    () => attention(zeros([0, 2, 3, D]), zeros([0, 2, 3, D]), zeros([0, 2, 3, D]), { scale: 1, causal: true }),
    [0, 2, 3, D],
  ],
  rotary: [() => rotary(zeros([0, 2, 3, D]), ones([1, 3, D / 2]), ones([1, 3, D / 2])), [0, 2, 3, D]],
  embedding: [() => embedding(ones([5, D]), noIds([2, 0])), [2, 0, D]],
  select: [() => select(zeros([0, 3, D]), noIds([0])), [0, D]],
  repeat: [() => repeat(zeros([0, D]), 3), [0, D]],
  softmax: [() => softmax(zeros([0, D]), -1), [0, D]],
  matMul: [() => matMul(zeros([0, D]), ones([D, 2])), [0, 2]],
  add: [() => add(zeros([0, D]), ones([D])), [0, D]],
  sum: [() => sum(zeros([0, D]), 1), [0]],
  transpose: [() => transpose(zeros([0, 3, D]), [2, 0, 1]), [D, 0, 3]],
  concat: [() => concat([zeros([0, D]), ones([2, D])], 0), [2, D]],
  slice: [() => slice(ones([3, D]), [1, 0], [0, D]), [0, D]],
  gather: [() => gather(ones([3, D]), noIds([0]), 0), [0, D]],
  tile: [() => tile(zeros([0, D]), [2, 2]), [0, 2 * D]],
  cast: [() => cast(zeros([0]), "int32"), [0]],
};

const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 1];
const values = (x: Tensor): number[] => [...x.dataSync()];

describeOnBackends(
  "extreme sizes and numbers",
  () => {
    it.each(Object.entries(withoutRows))("%s gives a tensor of the right shape for no rows", (_, [run, shape]) => {
      tidy(() => {
        const result = run();
        expect(result.shape).toEqual(shape);
        expect(result.dataSync()).toHaveLength(shape.reduce((product, size) => product * size, 1));
      });
    });

    it("a sum over no numbers is 0", () => {
      tidy(() => {
        expect(values(sum(zeros([2, 0]), 1))).toEqual([0, 0]);
      });
    });

    it("gradients at no rows have no numbers", () => {
      tidy(() => {
        const [gradient] = grads((x) => linear(activate(x, "silu"), ones([D, 2])))([zeros([0, D])], zeros([0, 2]));
        expect(gradient?.shape).toEqual([0, D]);
      });
    });

    it("NaN and infinity pass through sums, products and exponentials", () => {
      tidy(() => {
        const x = tensor(odd, [odd.length]);
        expect(values(add(x, tensor([1], [1])))).toEqual([NaN, Infinity, -Infinity, 1, 2]);
        expect(values(mul(x, tensor([2], [1])))).toEqual([NaN, Infinity, -Infinity, -0, 2]);
        expect(values(exp(tensor(odd.slice(0, 4), [4])))).toEqual([NaN, Infinity, 0, 1]);
        expect(values(max(tensor([1, NaN, 3], [3])))).toEqual([NaN]);
      });
    });

    it("one NaN spoils its row of a norm, a softmax and a product, and no other row", () => {
      tidy(() => {
        const x = tensor([1, 2, 3, 4, NaN, 2, 3, 4], [2, 4]);
        for (const y of [
          layerNorm(x, ones([4]), zeros([4]), 1e-5),
          rmsNorm(x, ones([4]), 1e-5),
          softmax(x, -1),
          logSoftmax(x, -1),
          linear(x, ones([4, 4])),
          matMul(x, ones([4, 4])),
        ]) {
          const numbers = values(y);
          expect(numbers.slice(0, 4).every(Number.isFinite)).toBe(true);
          expect(numbers.slice(4)).toEqual([NaN, NaN, NaN, NaN]);
        }
      });
    });

    it("a choice takes nothing from what was not chosen", () => {
      tidy(() => {
        const chosen = where(cast(tensor([1, 0], [2]), "bool"), tensor([1, NaN], [2]), tensor([NaN, 2], [2]));
        expect(values(chosen)).toEqual([1, 2]);
      });
    });
  },
  { emulated: true, only: ["native", "cuda", "cpu"] },
);
