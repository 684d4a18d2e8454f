/** Rows that repeat are computed once on our backends, and look to everybody like rows that are written out. */

import { expect, it } from "vitest";
import { activate, gatedUnit } from "../../src/ops/activation.ts";
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
  cos,
  expandDims,
  grads,
  memory,
  mul,
  ones,
  randomNormal,
  range,
  reshape,
  slice,
  softmax,
  split,
  sum,
  type Tensor,
  tensor,
  tidy,
  tile,
  transpose,
} from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import { expectTensor } from "../support/compare.ts";

const [K, N, S, D] = [2, 3, 5, 12];
const R = K * N;
const random = (shape: readonly number[], seed: number): Tensor => randomNormal(shape, 0, 1, seed);
const heads = (x: Tensor): Tensor => transpose(reshape(x, [x.shape[0] ?? 0, S, 3, 4]), [0, 2, 1, 3]);
const angles = (rows: number): Tensor => cos(reshape(cast(range(0, rows * S * 2), "float32"), [rows, S, 2]));
const perRow = (x: Tensor): Tensor => select(x, tensor([0, 4, 1, 2, 3, 0], [R], "int32"));

/** Operations that rows can go through; `x` is [R, S, D], and the result a function of each row alone. */
const operations: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  linear: (x) => linear(x, random([D, 7], 1), random([7], 2)),
  "linear, transposed": (x) => linear(x, random([7, D], 1), undefined, { transposeKernel: true }),
  "linear and its activation": (x) => linear(x, random([D, 7], 1), random([7], 2), { activation: "gelu_new" }),
  layerNorm: (x) => layerNorm(x, random([D], 1), random([D], 2), 1e-5),
  rmsNorm: (x) => rmsNorm(x, random([D], 1), 1e-5),
  activation: (x) => activate(x, "gelu_new"),
  gatedUnit: (x) => gatedUnit(x, linear(x, random([D, D], 3)), "silu"),
  attention: (x) => attention(heads(x), heads(mul(x, x)), heads(x), { scale: 0.5, causal: true }),
  "attention with a shared bias": (x) =>
    attention(heads(x), heads(x), heads(x), { scale: 0.5, causal: false, bias: random([1, 3, S, S], 4) }),
  "attention with a mask": (x) =>
    attention(heads(x), heads(x), heads(x), { scale: 0.5, causal: true, mask_BS: tile(ones([1, S], "int32"), [R, 1]) }),
  "attention with a bias for each row": (x) =>
    attention(heads(x), heads(x), heads(x), { scale: 0.5, causal: false, bias: random([R, 1, 1, S], 4) }),
  "rotary, shared angles": (x) => rotary(heads(x), angles(1), angles(1)),
  "rotary, angles for each row": (x) => rotary(heads(x), angles(R), angles(R)),
  "a sum with another part of itself": (x) => add(x, linear(x, random([D, D], 3))),
  "a product along the last axis": (x) => mul(x, random([D], 3)),
  "a product with a number for each row": (x) => mul(x, random([R, 1, 1], 3)),
  "a sum with positions for each row": (x) =>
    add(x, embedding(random([S, D], 3), tile(reshape(range(0, S), [1, S]), [R, 1]))),
  "split along the last axis": (x) => split(x, [5, 4, 3], 2)[1] as Tensor,
  "slice of positions": (x) => slice(x, [0, 1, 0], [R, 3, D]),
  "slice of rows": (x) => slice(x, [1, 0, 0], [3, S, D]),
  concat: (x) => concat([x, x], 1),
  softmax: (x) => softmax(x, -1),
  "sum over positions": (x) => sum(x, 1),
  transpose: (x) => transpose(x, [2, 0, 1]),
  expandDims: (x) => mul(expandDims(x, 1), random([4, 1, D], 5)),
  select: perRow,
  "select after a block": (x) => perRow(layerNorm(add(x, activate(x, "gelu")), random([D], 1), random([D], 2), 1e-5)),
  "repeat again": (x) => repeat(x, 2),
  cast: (x) => cast(cast(x, "int32"), "float32"),
};

describeOnBackends(
  "rows that repeat",
  () => {
    /** The same rows, written out. */
    const written = (x: Tensor): Tensor =>
      reshape(tile(expandDims(x, 1), [1, N, ...x.shape.slice(1).map(() => 1)]), [R, ...x.shape.slice(1)]);

    for (const [name, run] of Object.entries(operations)) {
      it(`have the bits of rows that are written out: ${name}`, () => {
        tidy(() => {
          const x = random([K, S, D], 7);
          const lazy = run(repeat(x, N));
          const plain = run(written(x));
          expectTensor(lazy, { shape: plain.shape, values: plain.dataSync() }, { ratio: 0 });
        });
      });

      it(`have the gradients of rows that are written out: ${name}`, () => {
        if (name === "cast") return;
        tidy(() => {
          const x = random([K, S, D], 7);
          const cotangent = random(run(written(x)).shape, 11);
          const [lazy] = grads(run)([repeat(x, N)], cotangent);
          const [plain] = grads(run)([written(x)], cotangent);
          if (lazy === undefined || plain === undefined) throw new Error("expected gradients");
          // Copies of a row share the products of a block, whose sums are then taken in another order.
          expectTensor(lazy, { shape: plain.shape, values: plain.dataSync() }, { ratio: 1e-6 });
        });
      });
    }

    it("leave as many tensors and bytes after many passes as before", () => {
      const state = (): readonly number[] => [memory().numTensors, memory().storedBytes];
      const pass = (): void => {
        tidy(() => {
          for (const run of Object.values(operations)) run(repeat(random([K, S, D], 7), N));
          grads((x) => perRow(linear(x, random([D, D], 1))))([repeat(random([K, S, D], 7), N)], random([R, D], 2));
        });
      };
      pass();
      const before = state();
      for (let i = 0; i < 10; i++) pass();
      expect(state()).toEqual(before);
    });
  },
  { emulated: true, only: ["native", "cuda"] },
);
