/** Weights that are kept in bfloat16 on a GPU, on the emulated device where there is none. */

import { afterAll, beforeAll, expect, it } from "vitest";
import { useBackend } from "../../src/backend/backend.ts";
import { linear } from "../../src/ops/linear.ts";
import { dispose, grads, memory, randomNormal, readFloats, type Tensor } from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import { expectTensor } from "../support/compare.ts";

const [M, I, O] = [5, 64, 33];
/** Two factors rounded to 8 bits each; the errors of 64 products add up like a random walk, as do the products. */
const ratio = 2 ** -7;

describeOnBackends(
  "bfloat16",
  () => {
    const x = (): Tensor => randomNormal([M, I], 0, 1, 1);
    const kernel = (): Tensor => randomNormal([I, O], 0, 1, 2);
    const forward = (a: Tensor, w: Tensor): Tensor => linear(a, w);

    beforeAll(() => useBackend("cuda", { precision: "bfloat16" }));
    afterAll(() => useBackend("cuda", { precision: "float32" }));

    it("keeps the matrix of a linear layer in half the bytes, and gives it back rounded", async () => {
      const [a, w] = [x(), kernel()];
      const before = memory();
      const exact = await readFloats(w);
      const y = linear(a, w);
      expect(memory().storedBytes).toBe(before.storedBytes + 4 * M * O - 2 * I * O);
      expectTensor(w, { shape: [I, O], values: exact }, { ratio: 2 ** -8 });
      expect(await readFloats(w)).not.toEqual(exact);
      dispose([a, w, y]);
      expect(memory().storedBytes).toBe(before.storedBytes - 4 * (M * I + I * O));
    });

    it("multiplies by it in both directions", async () => {
      const [a, w, dy] = [x(), kernel(), randomNormal([M, O], 0, 1, 3)];
      const [A, W, D] = await Promise.all([a, w, dy].map(readFloats));
      const y = linear(a, w);
      const [dx] = grads((input) => forward(input, w))([a], dy);
      const product = Float32Array.from({ length: M * O }, (_, n) => {
        const [m, o] = [Math.floor(n / O), n % O];
        return sum(I, (i) => (A?.[m * I + i] ?? NaN) * (W?.[i * O + o] ?? NaN));
      });
      const gradient = Float32Array.from({ length: M * I }, (_, n) => {
        const [m, i] = [Math.floor(n / I), n % I];
        return sum(O, (o) => (D?.[m * O + o] ?? NaN) * (W?.[i * O + o] ?? NaN));
      });
      expectTensor(y, { shape: [M, O], values: product }, { ratio });
      if (dx === undefined) throw new Error("expected a gradient");
      expectTensor(dx, { shape: [M, I], values: gradient }, { ratio });
      dispose([a, w, dy, y, dx]);
    });
  },
  { emulated: true, only: ["cuda"] },
);

function sum(count: number, term: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
}
