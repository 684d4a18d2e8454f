import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FileError } from "../../../src/errors.ts";
import { filesFromMemory } from "../../../src/files.ts";
import { openArchive } from "../../../src/model/checkpoint/archive.ts";
import { openPyTorch } from "../../../src/model/checkpoint/pytorch.ts";
import { openSafetensors } from "../../../src/model/checkpoint/safetensors.ts";
import { openFolder } from "../../../src/platform/node.ts";
import { type ZipEntry, zipOf } from "./zip.ts";

const fixtures = "test/fixtures/pytorch";
const openBytes = (bytes: Uint8Array) => openPyTorch(filesFromMemory("model", { "a.bin": bytes }), "a.bin");
const openFixture = (name: string) => openBytes(readFileSync(`${fixtures}/${name}.bin`));

type Expected = Record<string, Record<string, { shape: number[]; float: boolean; values: number[] }>>;
// What PyTorch itself reads from the files; floats as the bits of float32. Made by make_fixtures.py.
const expected = JSON.parse(readFileSync(`${fixtures}/expected.json`, "utf8")) as Expected;

describe("files that PyTorch wrote hold, bit for bit, what PyTorch reads:", () => {
  test.each(Object.keys(expected))("%s.bin", async (file) => {
    const checkpoint = await openFixture(file);
    expect(checkpoint.names).toEqual(Object.keys(expected[file] ?? {}));
    for (const [name, tensor] of Object.entries(expected[file] ?? {})) {
      const values = await checkpoint.read(name);
      expect(checkpoint.info(name).shape).toEqual(tensor.shape);
      expect(values instanceof Float32Array).toBe(tensor.float);
      expect([name, ...new Int32Array(values.buffer, values.byteOffset, values.length)]).toEqual([
        name,
        ...tensor.values,
      ]);
    }
  });
});

test.each(["models/demo/translation-marian", "test/golden/marian/model"])(
  "pytorch_model.bin and model.safetensors of %s hold the same tensors, bit for bit",
  async (folder) => {
    const files = await openFolder(folder);
    const torch = await openPyTorch(files, "pytorch_model.bin");
    const safe = await openSafetensors(files, "model.safetensors");
    // The PyTorch file has tied tensors under all their names, safetensors under one.
    expect(torch.names.filter((name) => safe.names.includes(name)).sort()).toEqual([...safe.names].sort());
    for (const name of safe.names) {
      const [ours, theirs] = [await torch.read(name), await safe.read(name)];
      expect(torch.info(name).shape).toEqual(safe.info(name).shape);
      expect(Buffer.compare(new Uint8Array(ours.buffer), new Uint8Array(theirs.buffer)), name).toBe(0);
    }
  },
);

test("a tensor is read as a range of the file", async () => {
  const memory = filesFromMemory("model", {
    "a.bin": readFileSync("models/demo/translation-marian/pytorch_model.bin"),
  });
  let bytes = 0;
  const counting = {
    ...memory,
    read: async (file: string, start?: number, end?: number) => {
      const part = await memory.read(file, start, end);
      bytes += part.byteLength;
      return part;
    },
  };
  const checkpoint = await openPyTorch(counting, "a.bin");
  // Opening reads the zip directory and the pickle, some hundred bytes for each tensor.
  expect(bytes).toBeLessThan(200_000);
  bytes = 0;
  const values = await checkpoint.read("final_logits_bias");
  expect(bytes).toBe(values.byteLength + 30);
});

/** The pickle `{ "w": view of storage 0 }`, with sizes below 128; the storage holds `count` float32. */
function statePickle(count: number, offset: number, shape: readonly number[], strides: readonly number[]): Uint8Array {
  const ascii = (text: string) => Array.from(text, (char) => char.charCodeAt(0));
  const short = (text: string) => [0x8c, text.length, ...ascii(text)];
  const sizes = (numbers: readonly number[]) => [0x28, ...numbers.flatMap((size) => [0x4b, size]), 0x74];
  const storage = [
    0x28,
    ...short("storage"),
    ...ascii("ctorch\nFloatStorage\n"),
    ...short("0"),
    ...short("cpu"),
    0x4b,
    count,
    0x74,
    0x51,
  ];
  const view = [
    ...storage,
    0x4b,
    offset,
    ...sizes(shape),
    ...sizes(strides),
    0x89,
    ...ascii("ccollections\nOrderedDict\n)R"),
  ];
  const call = [...ascii("ctorch._utils\n_rebuild_tensor_v2\n"), 0x28, ...view, 0x74, 0x52];
  return Uint8Array.from([0x80, 2, 0x7d, ...short("w"), ...call, 0x73, 0x2e]);
}

const floats = (...values: number[]) => new Uint8Array(new Float32Array(values).buffer);
const text = (value: string) => new TextEncoder().encode(value);
const state = (pickle: Uint8Array, data = floats(1, 2, 3, 4, 5, 6), more: readonly ZipEntry[] = []) =>
  zipOf([{ name: "archive/data.pkl", data: pickle }, { name: "archive/data/0", data }, ...more]);

test("a view is read by its offset and strides", async () => {
  const checkpoint = await openBytes(state(statePickle(6, 1, [2, 2], [1, 2])));
  expect(await checkpoint.read("w")).toEqual(new Float32Array([2, 4, 3, 5]));
});

describe("every bad file is one clear error:", () => {
  const good = statePickle(6, 0, [6], [1]);
  const zeros = new Uint8Array(100_000);
  const bad: Record<string, [Uint8Array, RegExp]> = {
    "an empty file": [new Uint8Array(0), /received an empty file/],
    "another format": [text("GGUF...."), /begins with 47 47 55 46/],
    "PyTorch's old format": [
      readFileSync(`${fixtures}/legacy.bin`),
      /before version 1\.6; convert it in Python: torch\.save/,
    ],
    "a truncated archive": [state(good).slice(0, -30), /expected a zip archive.*damaged/],
    "only a beginning": [text("PK\x03\x04"), /expected a zip archive/],
    "a training state": [
      readFileSync(`${fixtures}/training.bin`),
      /"model" holds something else; save model\.state_dict/,
    ],
    "no pickle": [zipOf([{ name: "archive/data/0", data: floats(1) }]), /expected one NAME\/data\.pkl.*found 0/],
    "two pickles": [state(good, floats(), [{ name: "b/data.pkl", data: good }]), /found 2/],
    "big-endian data": [
      state(good, floats(1, 2, 3, 4, 5, 6), [{ name: "archive/byteorder", data: text("big") }]),
      /byte order "big"/,
    ],
    "a pickle that calls the system": [
      state(Uint8Array.from([0x80, 2, ...text("cposix\nsystem\n"), 0x29, 0x52, 0x2e])),
      /posix\.system/,
    ],
    "a damaged pickle": [state(good.slice(0, -1)), /expected a complete pickle/],
    "a pickle of a list": [state(Uint8Array.from([0x80, 2, 0x5d, 0x2e])), /expected a dictionary of tensors/],
    "a number among the tensors": [
      state(Uint8Array.from([0x80, 2, 0x7d, 0x8c, 1, 0x61, 0x4b, 1, 0x73, 0x2e])),
      /"a" holds something else/,
    ],
    "a missing storage": [zipOf([{ name: "archive/data.pkl", data: good }]), /expected its values in archive\/data\/0/],
    "a storage of another size": [state(good, floats(1, 2)), /expected 24 bytes of F32.*received 8/],
    "a view behind its storage": [
      state(statePickle(6, 1, [6], [1])),
      /view inside the 6 elements.*offset 1, shape \[6\]/,
    ],
    "strides behind the storage": [state(statePickle(6, 0, [2, 2], [5, 1])), /strides \[5, 1\]/],
    "strides of another rank": [state(statePickle(6, 0, [2, 2], [1])), /do not fit together/],
    "a view that repeats 127^5 times": [
      state(statePickle(6, 0, [127, 127, 127, 127, 127], [0, 0, 0, 0, 0])),
      /view inside the 6 elements/,
    ],
    "an entry twice": [
      state(good, floats(1), [{ name: "archive/data/0", data: floats(2) }]),
      /has archive\/data\/0 twice/,
    ],
    "an encrypted entry": [zipOf([{ name: "archive/data.pkl", data: good, claim: { flags: 1 } }]), /encrypted/],
    "another compression": [
      zipOf([{ name: "archive/data.pkl", data: good, claim: { method: 12 } }]),
      /compression method 12/,
    ],
    "a stored entry that says more than it has": [
      zipOf([{ name: "archive/data.pkl", data: good, claim: { size: 1e9 } }]),
      /cannot hold the 1000000000 bytes/,
    ],
    "an entry that says a thousand times more than deflate can": [
      zipOf([{ name: "archive/data.pkl", data: good, deflate: true, claim: { size: 1e9 } }]),
      /cannot hold the 1000000000 bytes/,
    ],
    "an entry that unpacks to far more than it says": [
      zipOf([{ name: "archive/data.pkl", data: zeros, deflate: true, claim: { size: 50 } }]),
      /archive\/data\.pkl/,
    ],
    "an entry that unpacks to less than it says": [
      zipOf([{ name: "archive/data.pkl", data: zeros, deflate: true, claim: { size: 100_001 } }]),
      /archive\/data\.pkl/,
    ],
  };
  test.each(Object.entries(bad))("%s", async (_, [bytes, message]) => {
    await expect(openBytes(bytes)).rejects.toThrow(message);
    await expect(openBytes(bytes)).rejects.toBeInstanceOf(FileError);
  });
});

test("an honest deflated archive is read, in ranges too", async () => {
  const data = Uint8Array.from({ length: 5000 }, (_, i) => i % 251);
  const archive = await openArchive(
    filesFromMemory("model", {
      "a.bin": zipOf([
        { name: "a/x", data, deflate: true },
        { name: "a/y", data },
      ]),
    }),
    "a.bin",
  );
  for (const name of ["a/x", "a/y"]) {
    expect(archive.size(name)).toBe(5000);
    expect(await archive.read(name)).toEqual(data);
    expect(await archive.read(name, 1023, 4097)).toEqual(data.slice(1023, 4097));
  }
});

describe("whatever happens to a file, the outcome is a checkpoint or a FileError:", () => {
  const outcome = async (bytes: Uint8Array) => {
    try {
      const checkpoint = await openBytes(bytes);
      for (const name of checkpoint.names) await checkpoint.read(name);
    } catch (error) {
      expect(error).toBeInstanceOf(FileError);
    }
  };
  const mutations = (length: number) =>
    fc.array(fc.tuple(fc.nat(length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });

  test.each([
    ["module", 300],
    ["deflated", 50],
  ])("bytes of %s.bin change", async (name, numRuns) => {
    const good = readFileSync(`${fixtures}/${name}.bin`);
    await fc.assert(
      fc.asyncProperty(mutations(good.byteLength), async (changes) => {
        const bytes = new Uint8Array(good);
        for (const [at, value] of changes) bytes[at] = value;
        await outcome(bytes);
      }),
      { numRuns },
    );
  });

  test("bytes of the pickle change in an otherwise good archive", async () => {
    const good = statePickle(6, 1, [2, 2], [1, 2]);
    await fc.assert(
      fc.asyncProperty(mutations(good.byteLength), async (changes) => {
        const bytes = good.slice();
        for (const [at, value] of changes) bytes[at] = value;
        await outcome(state(bytes));
      }),
      { numRuns: 1000 },
    );
  });

  test("the file ends early", async () => {
    const good = readFileSync(`${fixtures}/protocol4.bin`);
    for (let length = 0; length < good.byteLength; length += 37) await outcome(good.subarray(0, length));
  });
});
