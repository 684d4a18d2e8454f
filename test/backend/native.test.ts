/** What is special to the native backend: tensors that repeat without being copied, packed weights, memory. */

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { listBackends, useBackend } from "../../src/backend/backend.ts";
import { NativeBackend } from "../../src/backend/native/backend.ts";
import { activate } from "../../src/ops/activation.ts";
import { attention } from "../../src/ops/attention.ts";
import { embedding } from "../../src/ops/embedding.ts";
import { linear, linearBackwardInput, linearForward } from "../../src/ops/linear.ts";
import { repeat } from "../../src/ops/repeat.ts";
import {
  add,
  concat,
  dispose,
  fill,
  grads,
  matMul,
  memory,
  mul,
  randomNormal,
  reshape,
  type Tensor,
  tensor,
  tensorflow,
  tidy,
  transpose,
  zeros,
} from "../../src/tensor.ts";
import { expectTensor } from "../support/compare.ts";

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

  it("multiplies in bfloat16 for high precision where the processor is faster so, and says which it was", async () => {
    const [x, w] = [random([5, 64], 1), random([64, 33], 2)];
    const exact = linear(x, w);
    const inUse = await useBackend("native", { precision: "high" });
    const rounded = linear(x, w);
    expect((await useBackend("native")).precision).toBe(inUse.precision);
    expect((await useBackend("native", { precision: "float32" })).precision).toBe("float32");
    const expected = { shape: exact.shape, values: exact.dataSync() };
    if (inUse.precision === "high") {
      expect(inUse.description).toMatch(/, bfloat16 products$/);
      // Two factors rounded to 8 bits each; errors add up like a random walk, as do the products.
      expectTensor(rounded, expected, { ratio: 2 ** -7 });
      expect([...rounded.dataSync()]).not.toEqual([...expected.values]);
    } else {
      expect(inUse).toMatchObject({ precision: "float32", description: expect.stringMatching(/, float32 products$/) });
      expectTensor(rounded, expected, { ratio: 0 });
    }
    expectTensor(linear(x, w), expected, { ratio: 0 });
    dispose([x, w, exact, rounded]);
  });

  const features = process.platform === "linux" ? readFileSync("/proc/cpuinfo", "utf8").split(/\s+/) : [];
  const noTiles = ["amx_tile", "amx_bf16", "amx_int8"].every((one) => features.includes(one))
    ? ""
    : " (skipped: no AMX here)";
  it.skipIf(noTiles !== "")(`multiplies 96 rows and more on tiles, and fewer not${noTiles}`, () => {
    const [kernel, bias] = [random([64, 33], 2), random([33], 4)];
    /** Products on tiles, forwards and backwards, of so many rows among `all`; the others are zeros. */
    const products = (rows: number, all = rows): number[] =>
      tidy(() => {
        const given = concat([random([rows, 64], 1), zeros([all - rows, 64])], 0);
        const dy = concat([random([rows, 33], 3), zeros([all - rows, 33])], 0);
        const before = backend().library.read("tile_products");
        linearForward({ x: given, kernel, bias }, { transposeKernel: false });
        const between = backend().library.read("tile_products");
        linearBackwardInput({ dy, kernel }, { transposeKernel: false });
        return [between - before, backend().library.read("tile_products") - between];
      });
    expect(products(95)).toEqual([0, 0]);
    expect(products(96)).toEqual([1, 1]);
    // Of a cotangent the rows count that are not zero.
    expect(products(95, 200)).toEqual([1, 0]);
    expect(products(96, 200)).toEqual([1, 1]);
    dispose([kernel, bias]);
  });

  it("stores nothing between a linear layer and its activation unless the pass is recorded", async () => {
    const [x, kernel, dy] = [random([7, 64], 1), random([64, 33], 2), random([7, 33], 3)];
    const f = (input: Tensor) => linear(input, kernel, undefined, { activation: "gelu" });
    const arrays = async (run: () => Tensor): Promise<number> => {
      const { kernels } = await tensorflow.profile(() => run().dispose());
      return kernels.filter(({ name }) => name === "Linear").reduce((bytes, { bytesAdded }) => bytes + bytesAdded, 0);
    };
    expect(await arrays(() => f(x))).toBe(4 * 7 * 33);
    expect(await arrays(() => tidy(() => grads(f)([x], dy)[0] as Tensor))).toBe(2 * 4 * 7 * 33);
    dispose([x, kernel, dy]);
  });

  it.skipIf(noTiles !== "")(`multiplies as digits where no number stands out, row by row${noTiles}`, () => {
    const kernel = random([320, 33], 2);
    /** Products of tiles, and those of digits among them, where so many of 100 rows have a number that stands out. */
    const products = (outliers: number): number[] =>
      tidy(() => {
        const ordinary = random([100 - outliers, 320], 1);
        const odd = concat([random([outliers, 319], 3), fill([outliers, 1], 1e4)], 1);
        const read = (): number[] => ["tile_products", "digit_products"].map((name) => backend().library.read(name));
        const before = read();
        linear(concat([ordinary, odd], 0), kernel);
        return read().map((count, i) => count - (before[i] ?? 0));
      });
    expect(products(0)).toEqual([1, 1]);
    expect(products(1)).toEqual([1, 1]);
    expect(products(100)).toEqual([1, 0]);
    dispose([kernel]);
  });

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

  it("keeps a weight packed and nowhere else, as long as it lives; its numbers can still be read", () => {
    const bytes = (): number => backend().library.read("packed_bytes");
    const before = bytes();
    const kernel = random([64, 96], 1);
    const numbers = kernel.dataSync().slice();
    const x = random([3, 64], 2);
    const y = linear(x, kernel);
    expect(bytes()).toBe(before + 64 * 96 * 4);
    // The gradient's product turns the same copy around.
    const [dx] = grads((input) => linear(input, kernel))([x], random([3, 96], 3));
    expect(bytes()).toBe(before + 64 * 96 * 4);
    expect(kernel.dataSync()).toEqual(numbers);
    expectTensor(mul(kernel, kernel), { shape: [64, 96], values: numbers.map((w) => w * w) }, { ratio: 0 });
    const expected = matMul(random([3, 96], 3), tensor(numbers, [64, 96]), false, true);
    // Sums in another order, where cotangents are multiplied on tiles.
    expectTensor(dx as Tensor, { shape: [3, 64], values: expected.dataSync() }, { ratio: 1e-6 });
    dispose(kernel);
    expect(bytes()).toBe(before);
    dispose([x, y, dx as Tensor, expected]);
  });

  it("counts what repeats once, and a packed weight as one", () => {
    const before = memory().storedBytes;
    const x = random([K, S, D], 7);
    const rows = tidy(() => activate(repeat(x, N), "gelu"));
    expect(memory().storedBytes - before).toBe(2 * 4 * K * S * D);
    const kernel = random([64, 96], 1);
    dispose(tidy(() => linear(random([3, 64], 2), kernel)));
    expect(memory().storedBytes - before).toBe(2 * 4 * K * S * D + 4 * 64 * 96);
    dispose([x, rows, kernel]);
    expect(memory().storedBytes).toBe(before);
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
