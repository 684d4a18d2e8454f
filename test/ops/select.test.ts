import { expect, it } from "vitest";
import { ShapeError } from "../../src/errors.ts";
import { linear } from "../../src/ops/linear.ts";
import { select } from "../../src/ops/select.ts";
import { grads, ones, type Tensor, tensor, tidy, zeros } from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import { expectTensor } from "../support/compare.ts";
import { makeInput } from "../support/opCases.ts";
import { opSuite } from "../support/opSuite.ts";

opSuite("select");

describeOnBackends("select", () => {
  it("gives the cotangent back to the entry it was taken from, and zero to every other", () => {
    tidy(() => {
      const index = tensor(new Int32Array([2, 0]), [2], "int32");
      const dy = tensor([5, -7], [2]);
      const [dx] = grads((x) => select(x, index))([makeInput({ shape: [2, 3], seed: 1 })], dy) as [Tensor];
      expectTensor(dx, { shape: [2, 3], values: [0, 0, 5, -7, 0, 0] }, { ratio: 0 });
    });
  });

  it("refuses an index for another number of rows", () => {
    tidy(() => {
      expect(() => select(ones([2, 3]), zeros([3], "int32"))).toThrow(
        new ShapeError("select: index: expected shape [B] with B=2, received [3]"),
      );
    });
  });

  it("refuses whole numbers, whose bits are no floats", () => {
    tidy(() => {
      const index = zeros([2], "int32");
      expect(() => select(ones([2, 3], "int32"), index)).toThrow(
        new TypeError("SelectEntry: expected float32 x, received int32; cast it to float32 before"),
      );
      expect(() => linear(ones([2, 3]), ones([3, 4], "int32"))).toThrow(/expected float32 kernel, received int32/);
    });
  });
});
