import fc from "fast-check";
import { expect, it } from "vitest";
import { ShapeError } from "../../src/errors.ts";
import { embedding } from "../../src/ops/embedding.ts";
import { grads, ones, sum, type Tensor, tensor, tidy, zeros } from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import { expectTensor, ROUNDING } from "../support/compare.ts";
import { makeInput } from "../support/opCases.ts";
import { opSuite } from "../support/opSuite.ts";

opSuite("embedding");

const numbers = (x: Tensor) => ({ shape: x.shape, values: x.dataSync() });

describeOnBackends("embedding", () => {
  it("gives each row of the table the sum of the cotangents of its tokens, and nothing to unused rows", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 23 }).chain((V) =>
          fc.record({
            V: fc.constant(V),
            ids: fc.array(fc.integer({ min: 0, max: V - 1 }), { minLength: 1, maxLength: 17 }),
          }),
        ),
        ({ V, ids }) => {
          tidy(() => {
            const table = makeInput({ shape: [V, 3], seed: V });
            const dy = makeInput({ shape: [ids.length, 3], seed: ids.length });
            const index = tensor(Int32Array.from(ids), [ids.length], "int32");
            const [dTable] = grads((t) => embedding(t, index))([table], dy) as [Tensor];
            const expected = new Float64Array(V * 3);
            const cotangent = dy.dataSync();
            for (const [i, id] of ids.entries()) {
              for (let d = 0; d < 3; d++)
                expected[id * 3 + d] = (expected[id * 3 + d] ?? 0) + (cotangent[i * 3 + d] ?? 0);
            }
            expectTensor(dTable, { shape: [V, 3], values: expected }, { ratio: 16 * ROUNDING, floor: 64 * ROUNDING });
            expectTensor(sum(dTable, 0), numbers(sum(dy, 0)), { ratio: 16 * ROUNDING, floor: 128 * ROUNDING });
          });
        },
      ),
    );
  });

  it("refuses a table that is no matrix", () => {
    tidy(() => {
      expect(() => embedding(ones([3]), zeros([2], "int32"))).toThrow(
        new ShapeError("embedding: table: expected shape [V, D], received [3]"),
      );
    });
  });
});
