import { expect, it } from "vitest";
import { ShapeError } from "../../src/errors.ts";
import { gate } from "../../src/ops/gate.ts";
import { grads, mul, ones, relu, sum, type Tensor, tidy } from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import { expectTensor, ROUNDING } from "../support/compare.ts";
import { makeInput } from "../support/opCases.ts";
import { opSuite } from "../support/opSuite.ts";

opSuite("gate");

const numbers = (x: Tensor) => ({ shape: x.shape, values: x.dataSync() });
const [B, H, T, S] = [2, 3, 5, 7];

describeOnBackends(
  "gate",
  () => {
    it("counts positive derivatives only where it is told to, and passes all of them on", () => {
      tidy(() => {
        const x = makeInput({ shape: [B, H, T, S], seed: 1 });
        const dy = makeInput({ shape: [B, H, T, S], seed: 2 });
        const factors = ones([B, H, S]);
        const gradients = (positive: boolean) => grads((a, g) => gate(a, g, positive))([x, factors], dy);
        const [dx, dGate] = gradients(true) as [Tensor, Tensor];
        // A few roundings of sums of T numbers.
        const tolerance = { ratio: 16 * ROUNDING, floor: 16 * ROUNDING };
        expectTensor(dx, numbers(dy), tolerance);
        expectTensor(dGate, numbers(sum(mul(x, relu(dy)), 2)), tolerance);
        expect([...dGate.dataSync()]).not.toEqual([...(gradients(false)[1] as Tensor).dataSync()]);
      });
    });

    it("refuses gates of other heads or keys", () => {
      tidy(() => {
        expect(() => gate(ones([B, H, T, S]), ones([B, H, T]))).toThrow(ShapeError);
        expect(() => gate(ones([B, H, T]), ones([B, H, S]))).toThrow(ShapeError);
      });
    });
  },
  { emulated: true },
);
