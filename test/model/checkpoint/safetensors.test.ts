import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FileError } from "../../../src/errors.ts";
import { filesFromMemory } from "../../../src/files.ts";
import { openSafetensors } from "../../../src/model/checkpoint/safetensors.ts";
import { openFolder } from "../../../src/platform/node.ts";

/** A safetensors file: header (JSON text, or an object to be written as JSON), data, and a header length of one's choice. */
function fileOf(header: string | object, data: Uint8Array, length?: bigint): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.byteLength + data.byteLength);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.byteLength), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.byteLength);
  return bytes;
}

const openBytes = (bytes: Uint8Array) =>
  openSafetensors(filesFromMemory("model", { "a.safetensors": bytes }), "a.safetensors");

const floats = (...values: number[]) => new Uint8Array(new Float32Array(values).buffer);
const f32 = (shape: number[], begin: number, end: number) => ({ dtype: "F32", shape, data_offsets: [begin, end] });

test("a well-formed file gives names, shapes, types and values", async () => {
  const checkpoint = await openBytes(
    fileOf(
      { __metadata__: { format: "pt" }, b: f32([2], 4, 12), a: f32([], 0, 4), none: f32([0, 3], 12, 12) },
      floats(1, 2, 3),
    ),
  );
  expect(checkpoint.names).toEqual(["b", "a", "none"]);
  expect(checkpoint.info("b")).toMatchObject({ dtype: "F32", shape: [2] });
  expect(await checkpoint.read("b")).toEqual(new Float32Array([2, 3]));
  expect(await checkpoint.read("a")).toEqual(new Float32Array([1]));
  expect(await checkpoint.read("none")).toEqual(new Float32Array(0));
  expect(checkpoint.description).toBe("model/a.safetensors");
});

test("a name that the file does not have is refused with the nearest one", async () => {
  const checkpoint = await openBytes(fileOf({ weight: f32([1], 0, 4) }, floats(1)));
  await expect(checkpoint.read("weigth")).rejects.toThrow(/expected a tensor weigth.*did you mean "weight"/);
  expect(() => checkpoint.info("constructor")).toThrow(FileError);
});

test("a real file is read", async () => {
  const checkpoint = await openSafetensors(await openFolder("test/golden/gpt2/model"), "model.safetensors");
  expect(checkpoint.names).toHaveLength(40);
  expect(checkpoint.info("transformer.wte.weight")).toMatchObject({ dtype: "F32", shape: [420, 32] });
  const values = await checkpoint.read("transformer.wte.weight");
  expect(values).toHaveLength(420 * 32);
  // What Python's safetensors reads: first value, last value, sum of magnitudes in float64.
  expect([values[0], values.at(-1)]).toEqual([-0.07427825778722763, -0.014665016904473305]);
  expect(Array.from(values, Math.abs).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1798.3431472007105, 6);
});

describe("every lie in the header is one clear error:", () => {
  const lies: Record<string, [Uint8Array, RegExp]> = {
    "a file of fewer than 8 bytes": [new Uint8Array(7), /at least 8 bytes, received 7/],
    "a header longer than the file": [fileOf({}, new Uint8Array(0), 3n), /header of 3 bytes.*only 10/],
    "a header over 100 MB": [fileOf({}, new Uint8Array(0), 100_000_001n), /at most 100000000 bytes.*100000001/],
    "a header length of 2^64 - 1": [fileOf({}, new Uint8Array(0), 2n ** 64n - 1n), /at most 100000000 bytes/],
    "a truncated file": [fileOf({ a: f32([2], 0, 8) }, floats(1)), /inside the 4 bytes of data, received \[0, 8\]/],
    "no JSON": [fileOf("{a}", floats()), /header: expected JSON/],
    "an empty header": [fileOf("", floats()), /header: expected JSON/],
    "no UTF-8": [new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]), /expected UTF-8/],
    "an array": [fileOf([], floats()), /expected a JSON object, received \[\]/],
    "an entry that is no object": [fileOf({ a: 3 }, floats()), /expected \{ dtype, shape, data_offsets \}.*received 3/],
    "an unknown dtype": [fileOf({ a: { ...f32([1], 0, 4), dtype: "F8_E4M3" } }, floats(1)), /received "F8_E4M3"/],
    "a dtype that is a property of all objects": [
      fileOf({ a: { ...f32([1], 0, 4), dtype: "toString" } }, floats(1)),
      /received "toString"/,
    ],
    "no dtype": [fileOf({ a: { shape: [1], data_offsets: [0, 4] } }, floats(1)), /dtype out of.*received null/],
    "no shape": [fileOf({ a: { dtype: "F32", data_offsets: [0, 4] } }, floats(1)), /expected a shape/],
    "a negative size": [fileOf({ a: f32([-1, -1], 0, 4) }, floats(1)), /expected a shape of whole numbers.*\[-1,-1\]/],
    "a fractional size": [fileOf({ a: f32([0.5, 2], 0, 4) }, floats(1)), /expected a shape of whole numbers/],
    "three offsets": [fileOf({ a: { ...f32([1], 0, 4), data_offsets: [0, 4, 4] } }, floats(1)), /two data_offsets/],
    "offsets in reverse": [fileOf({ a: f32([1], 4, 0) }, floats(1)), /received \[4, 0\]/],
    "negative offsets": [fileOf({ a: f32([1], -4, 0) }, floats(1)), /two data_offsets/],
    "offsets behind the end": [fileOf({ a: f32([1], 4, 8) }, floats(1)), /received \[4, 8\]/],
    "a size that is not shape × dtype": [fileOf({ a: f32([3], 0, 8) }, floats(1, 2)), /expected 12 bytes.*of 8 bytes/],
    "a shape that overflows": [
      fileOf({ a: f32([2 ** 31, 2 ** 31, 2 ** 31], 0, 4) }, floats(1)),
      /received data_offsets/,
    ],
    "overlapping tensors": [
      fileOf({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, floats(1, 2, 3)),
      /b: its data_offsets overlap/,
    ],
    "two tensors in one place": [fileOf({ a: f32([1], 0, 4), b: f32([1], 0, 4) }, floats(1)), /overlap/],
    "a hole": [fileOf({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, floats(1, 2, 3)), /4 bytes before b belong to none/],
    "bytes at the end": [fileOf({ a: f32([1], 0, 4) }, floats(1, 2)), /4 bytes at the end/],
    "a name twice": [
      fileOf(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        floats(1, 2),
      ),
      /"a" occurs twice/,
    ],
    "a dtype twice": [
      fileOf('{"a":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}', floats(1)),
      /"dtype" occurs twice/,
    ],
  };
  test.each(Object.entries(lies))("%s", async (_, [bytes, message]) => {
    await expect(openBytes(bytes)).rejects.toThrow(message);
    await expect(openBytes(bytes)).rejects.toBeInstanceOf(FileError);
  });
});

describe("whatever the bytes are, the outcome is a checkpoint or a FileError:", () => {
  const outcome = async (bytes: Uint8Array) => {
    try {
      const checkpoint = await openBytes(bytes);
      for (const name of checkpoint.names) await checkpoint.read(name);
    } catch (error) {
      expect(error).toBeInstanceOf(FileError);
    }
  };

  test("random bytes", async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), outcome), { numRuns: 300 });
  });

  test("random JSON as a header", async () => {
    const header = fc.oneof(
      fc.json(),
      fc
        .dictionary(
          fc.string(),
          fc.record({ dtype: fc.constantFrom("F32", "I64", 7), shape: fc.jsonValue(), data_offsets: fc.jsonValue() }),
        )
        .map((value) => JSON.stringify(value)),
    );
    await fc.assert(
      fc.asyncProperty(header, fc.uint8Array({ maxLength: 16 }), (text, data) => outcome(fileOf(text, data))),
      { numRuns: 500 },
    );
  });

  test("a good file with some bytes changed or cut off", async () => {
    const good = fileOf({ b: f32([2], 4, 12), a: f32([1], 0, 4) }, floats(1, 2, 3));
    const change = fc.tuple(fc.nat(good.byteLength - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 4 }), fc.nat(good.byteLength), async (changes, length) => {
        const bytes = good.slice(0, length);
        for (const [at, value] of changes) bytes[at] = value;
        await outcome(bytes);
      }),
      { numRuns: 500 },
    );
  });
});
