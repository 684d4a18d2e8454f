/** TensorFlow.js checkpoints: written by TensorFlow.js's own encoder, or quantised as its converter does it. */

import { beforeAll, describe, expect, test } from "vitest";
import { loadArchitecture } from "../../../models/load.ts";
import { FileError } from "../../../src/errors.ts";
import { type FileSource, filesFromMemory } from "../../../src/files.ts";
import { openCheckpoint } from "../../../src/model/checkpoint/openCheckpoint.ts";
import { openSafetensors } from "../../../src/model/checkpoint/safetensors.ts";
import { transposed } from "../../../src/model/weightPieces.ts";
import { openFolder } from "../../../src/platform/node.ts";
import { memory, type Tensor, tensorflow as tf } from "../../../src/tensor.ts";
import { useCpu } from "../../support/backend.ts";
import { goldenPath } from "../../support/goldenResults.ts";
import { logits } from "../../support/models.ts";

beforeAll(useCpu);

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const open = (contents: Record<string, Uint8Array>) => openCheckpoint(filesFromMemory("model", contents));
const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** Cuts a group's bytes into shards of a size that no tensor respects. */
function shardsOf(bytes: Uint8Array, size: number): Record<string, Uint8Array> {
  const count = Math.ceil(bytes.byteLength / size);
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `group1-shard${i + 1}of${count}.bin`,
      bytes.subarray(i * size, (i + 1) * size),
    ]),
  );
}

/** A folder's weights in TensorFlow.js's format, under names of `rename`, beside its other files. */
async function converted(folder: string, rename: (name: string, x: Tensor) => [string, Tensor]): Promise<FileSource> {
  const files = await openFolder(folder);
  const source = await openSafetensors(files, "model.safetensors");
  const named = await Promise.all(
    source.names.map(async (name) => rename(name, tf.tensor(await source.read(name), [...source.info(name).shape]))),
  );
  const { data, specs } = await tf.io.encodeWeights(named.map(([name, tensor]) => ({ name, tensor })));
  tf.dispose(named.map(([, tensor]) => tensor));
  const shards = shardsOf(new Uint8Array(data), 9973);
  const manifest = { format: "layers-model", weightsManifest: [{ paths: Object.keys(shards), weights: specs }] };
  return filesFromMemory("tfjs", {
    "config.json": await files.read("config.json"),
    "model.json": json(manifest),
    ...shards,
  });
}

const onlyName = (name: string, x: Tensor): [string, Tensor] => [name, x];

/** How TensorFlow's GPT-2 calls its weights. */
function gpt2InTensorFlow(name: string, x: Tensor): [string, Tensor] {
  const path = name
    .replace(/^transformer\./, "")
    .replace(/(ln_\w+)\.weight$/, "$1/gamma")
    .replace(/(ln_\w+)\.bias$/, "$1/beta")
    .replaceAll(".", "/")
    .replace(/^h\/(\d+)\//, "h_._$1/");
  const isProduct = /c_\w+\.bias$/.test(name);
  return [`tfgpt2lm_head_model/transformer/${path}:0`, isProduct ? tf.expandDims(x, 0) : x];
}

/** How TensorFlow's Marian calls its weights: all matrices of linear layers are kernels [in, out]. */
function marianInTensorFlow(name: string, x: Tensor): [string, Tensor] {
  if (!/^model\.|^final/.test(name)) return [name, x];
  const path = name.replace(/(layer_?norm\w*)\.weight$/, "$1/gamma").replace(/(layer_?norm\w*)\.bias$/, "$1/beta");
  const linear = /(q_proj|k_proj|v_proj|out_proj|fc\d)\.weight$/;
  const slashed = path
    .replace(linear, "$1.kernel")
    .replaceAll(".", "/")
    .replace(/\/layers\/(\d+)\//, "/layers_._$1/");
  return [`tf_marian_mt_model/${slashed}:0`, linear.test(name) ? tf.transpose(x) : x];
}

test.each([
  ["gpt2", "Hugging Face's names", onlyName],
  ["gpt2", "TensorFlow's names", gpt2InTensorFlow],
  ["marian", "Hugging Face's names", onlyName],
  ["marian", "TensorFlow's names and transposed kernels", marianInTensorFlow],
] as const)(
  "%s under %s is the model that safetensors hold, to the bit, every byte of it read once",
  async (architecture, _, rename) => {
    const folder = goldenPath(architecture, "model");
    const pass = { targetIds: [[5, 9, 2, 11]], sourceIds: [[3, 8, 4, 0]] };
    const ofFolder = async (files: FileSource) => {
      const { model } = await loadArchitecture(files);
      const values = logits(model, pass);
      model.dispose();
      return values;
    };
    const files = watched(await converted(folder, rename));
    const tensors = memory().numTensors;
    expect(await ofFolder(files)).toEqual(await ofFolder(await openFolder(folder)));
    expect(memory().numTensors).toBe(tensors);
    const shards = (await files.list()).filter(isShard);
    const stored = await Promise.all(shards.map(async (shard) => await files.size(shard)));
    expect(files.bytesRead()).toBe(stored.reduce((sum, bytes) => sum + bytes, 0));
  },
);

const isShard = (file: string) => file.endsWith(".bin");

/** Files that count the bytes that are read from shards. */
function watched(files: FileSource): FileSource & { bytesRead(): number } {
  let bytesRead = 0;
  return {
    ...files,
    bytesRead: () => bytesRead,
    read: async (file, ...range) => {
      const bytes = await files.read(file, ...range);
      if (isShard(file)) bytesRead += bytes.byteLength;
      return bytes;
    },
  };
}

describe("quantised", () => {
  const numbers = Float32Array.from({ length: 35 }, (_, i) => Math.sin(3 * i));
  const [min, range] = [-1.25, 2.5];
  /** As the converter's quantization.py: codes of equal distance over the range. */
  const affine = (Codes: typeof Uint8Array | typeof Uint16Array, most: number) => {
    const scale = range / most;
    return { codes: new Codes(Array.from(numbers, (x) => Math.round((x - min) / scale))), scale };
  };
  const manifest = (quantization: unknown, dtype = "float32") => ({
    weightsManifest: [
      { paths: ["a.bin"], weights: [{ name: "norm", shape: [3], dtype: "float32" }] },
      { paths: ["b.bin", "c.bin"], weights: [{ name: "w", shape: [5, 7], dtype, quantization }] },
    ],
  });
  const norm = bytesOf(Float32Array.of(1, 2, 3));
  const load = async (codes: Uint8Array, quantization: unknown) =>
    await open({
      "model.json": json(manifest(quantization)),
      "a.bin": norm,
      "b.bin": codes.subarray(0, 11),
      "c.bin": codes.subarray(11),
    });

  test.each([
    ["uint8", Uint8Array, 255],
    ["uint16", Uint16Array, 65535],
  ] as const)("%s holds the numbers to half a step", async (dtype, Codes, most) => {
    const { codes, scale } = affine(Codes, most);
    const checkpoint = await load(bytesOf(codes), { dtype, scale, min });
    expect(checkpoint.info("w")).toMatchObject({ dtype: "F32", shape: [5, 7] });
    const read = await checkpoint.read("w");
    expect(read).toHaveLength(35);
    // Half a step, and what float32 rounds.
    for (const [i, x] of read.entries()) expect(Math.abs(x - (numbers[i] ?? 0))).toBeLessThan(scale / 2 + 1e-6);
    expect(await checkpoint.read("norm")).toEqual(Float32Array.of(1, 2, 3));
  });

  test("float16 holds them exactly where they are its own", async () => {
    const halves = Uint16Array.from({ length: 35 }, (_, i) => 0x3c00 + 16 * i);
    const checkpoint = await load(bytesOf(halves), { dtype: "float16" });
    const expected = Array.from({ length: 35 }, (_, i) => (1 + (16 * (i % 64)) / 1024) * 2 ** Math.floor(i / 64));
    expect([...(await checkpoint.read("w"))]).toEqual(expected);
  });

  test.each([
    ["a dtype that is none", { dtype: "uint4", scale: 1, min: 0 }, /expected a quantization of dtype float16.*uint4/],
    ["no scale", { dtype: "uint8", min: 0 }, /w: expected a quantization.*received \{"dtype":"uint8","min":0\}/],
    ["something else", 8, /expected a quantization.*received 8/],
  ])("%s is refused", async (_, quantization, message) => {
    await expect(load(new Uint8Array(35), quantization)).rejects.toThrow(message);
  });
});

test("integers and booleans keep their values", async () => {
  const contents = bytesOf(Int32Array.of(2 ** 24 + 1, -3));
  const weights = [
    { name: "i", shape: [2], dtype: "int32" },
    { name: "b", shape: [2], dtype: "bool" },
  ];
  const bytes = new Uint8Array([...contents, 1, 0]);
  const checkpoint = await open({ "model.json": json({ weightsManifest: [{ paths: ["w"], weights }] }), w: bytes });
  expect(await checkpoint.read("i")).toEqual(Int32Array.of(2 ** 24 + 1, -3));
  expect(await checkpoint.read("b")).toEqual(Int32Array.of(1, 0));
  expect([checkpoint.info("i").dtype, checkpoint.info("b").dtype]).toEqual(["I32", "BOOL"]);
});

describe("damage is named", () => {
  const weight = { name: "w", shape: [2], dtype: "float32" };
  const eight = new Uint8Array(8);
  const group = (weights: unknown, paths: unknown = ["w.bin"]) => ({ weightsManifest: [{ paths, weights }] });
  test.each<[string, unknown, Record<string, Uint8Array>, RegExp]>([
    ["a shard that is missing", group([weight]), {}, /expected the files w\.bin beside it; download the model again/],
    [
      "a truncated shard",
      group([weight]),
      { "w.bin": new Uint8Array(7) },
      /expected 8 bytes in w\.bin, found 7; a shard/,
    ],
    ["bytes left over", group([weight]), { "w.bin": new Uint8Array(9) }, /expected 8 bytes in w\.bin, found 9/],
    [
      "an unknown dtype",
      group([{ ...weight, dtype: "complex64" }]),
      { "w.bin": eight },
      /w: expected a dtype.*"complex64"/,
    ],
    ["a shape that is none", group([{ ...weight, shape: [-2] }]), { "w.bin": eight }, /a shape of whole numbers/],
    [
      "a path",
      group([weight], ["../w.bin"]),
      { "w.bin": eight },
      /files in the same folder, received \["\.\.\/w\.bin"\]/,
    ],
    [
      "a name twice",
      group([
        { ...weight, shape: [1] },
        { ...weight, shape: [1] },
      ]),
      { "w.bin": eight },
      /w is in its manifest twice/,
    ],
    ["a group without weights", group(undefined), { "w.bin": eight }, /expected weights with a name/],
    ["no manifest", { modelTopology: {} }, {}, /expected a "weightsManifest" of groups, received null; save the model/],
  ])("%s", async (_, manifest, shards, message) => {
    const opening = open({ "model.json": json(manifest), ...shards });
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toBeInstanceOf(FileError);
  });

  test("weights that the architecture needs are listed", async () => {
    const files = await converted(goldenPath("gpt2", "model"), (name, x) => [
      name.replace("h.1.ln_2.bias", "h.1.other"),
      x,
    ]);
    await expect(loadArchitecture(files)).rejects.toThrow(
      /missing transformer\.h\.1\.ln_2\.bias or h\.1\.ln_2\.bias[\s\S]*unexpected transformer\.h\.1\.other/,
    );
  });
});

test("a transposed kernel is transposed back", async () => {
  const stored = Float32Array.of(1, 2, 3, 4, 5, 6);
  const weights = [{ name: "model/fc/kernel:0", shape: [2, 3], dtype: "float32" }];
  const checkpoint = await open({
    "model.json": json({ weightsManifest: [{ paths: ["w"], weights }] }),
    w: bytesOf(stored),
  });
  expect(checkpoint.info("fc.weight").shape).toEqual([3, 2]);
  expect(await checkpoint.read("fc.weight")).toEqual(transposed(stored, 2, 3));
});
