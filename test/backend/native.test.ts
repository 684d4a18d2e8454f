/** What is special to the native backend: tensors that repeat without being copied, packed weights, memory. */

import { beforeAll, describe, expect, it } from "vitest";
import { listBackends, useBackend } from "../../src/backend/backend.ts";
import { NativeBackend } from "../../src/backend/native/backend.ts";
import { activate } from "../../src/ops/activation.ts";
import { attention } from "../../src/ops/attention.ts";
import { embedding } from "../../src/ops/embedding.ts";
import { linear } from "../../src/ops/linear.ts";
import { repeat } from "../../src/ops/repeat.ts";
import {
  add,
  dispose,
  mul,
  randomNormal,
  reshape,
  type Tensor,
  tensor,
  tensorflow,
  tidy,
  transpose,
} from "../../src/tensor.ts";

const [K, N, S, D] = [2, 3, 5, 12];
const random = (shape: readonly number[], seed: number): Tensor => randomNormal(shape, 0, 1, seed);
const heads = (x: Tensor): Tensor => transpose(reshape(x, [x.shape[0] ?? 0, S, 3, 4]), [0, 2, 1, 3]);

const statuses = await listBackends();
const native = statuses.find(({ name }) => name === "native");
const absent = native?.available === true ? undefined : native?.reason;

describe.skipIf(absent !== undefined)(`native${absent === undefined ? "" : ` (skipped: ${absent})`}`, () => {
  beforeAll(async () => {
    await useBackend("native");
  });

  /** The running instance. */
  function backend(): NativeBackend {
    const running = tensorflow.backend();
    if (!(running instanceof NativeBackend)) throw new Error("expected the native backend to be in use");
    return running;
  }

  it("stores one of the rows that a block computes from repeated ones", () => {
    tidy(() => {
      const x = repeat(random([K, S, D], 7), N);
      const block = add(x, linear(activate(x, "gelu"), random([D, D], 1)));
      const attended = attention(heads(block), heads(block), heads(block), { scale: 1, causal: true });
      const data = backend().dataOf({ dataId: attended.dataId, shape: attended.shape, dtype: "float32" });
      expect(data.repetition).toEqual({ times: N, block: S * D });
      expect(data.stored("float32").length).toBe(K * S * D);
    });
  });

  it("keeps a packed copy of a weight as long as the weight lives", () => {
    const before = backend().library.read("packed_bytes");
    const kernel = random([64, 96], 1);
    const y = tidy(() => linear(random([3, 64], 2), kernel));
    expect(backend().library.read("packed_bytes")).toBe(before + 64 * 96 * 4);
    dispose(kernel);
    expect(backend().library.read("packed_bytes")).toBe(before);
    dispose(y);
  });

  it("leaves numbers alone that were read from a tensor that is gone", () => {
    const x = random([64, 64], 1);
    const y = add(x, x);
    const values = y.dataSync();
    const copy = values.slice();
    dispose(y);
    tidy(() => {
      for (let i = 0; i < 8; i++) mul(x, x);
    });
    expect(values).toEqual(copy);
    dispose(x);
  });

  it("names the operation and the numbers when a kernel refuses", () => {
    tidy(() => {
      const table = random([4, 3], 1);
      expect(() => embedding(table, tensor([1, 4], [2], "int32"))).toThrow(
        "native: embedding: expected ids from 0 to 3, received 4 at place 1",
      );
    });
  });
});
