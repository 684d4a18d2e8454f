import { describe, expect, test } from "vitest";
import { FileError } from "../../../src/errors.ts";
import { filesFromMemory } from "../../../src/files.ts";
import { openCheckpoint } from "../../../src/model/checkpoint/openCheckpoint.ts";
import { openFolder } from "../../../src/platform/node.ts";

/** A safetensors file of float32 vectors. */
function shardOf(tensors: Record<string, number[]>): Uint8Array {
  let end = 0;
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, values]) => {
      const begin = end;
      end += 4 * values.length;
      return [name, { dtype: "F32", shape: [values.length], data_offsets: [begin, end] }];
    }),
  );
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.byteLength + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.byteLength), true);
  bytes.set(text, 8);
  bytes.set(new Uint8Array(new Float32Array(Object.values(tensors).flat()).buffer), 8 + text.byteLength);
  return bytes;
}

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const open = (contents: Record<string, Uint8Array>) => openCheckpoint(filesFromMemory("model", contents));
const index = (weightMap: unknown) => json({ metadata: { total_size: 1 }, weight_map: weightMap });

test("safetensors is preferred to PyTorch's format", async () => {
  const checkpoint = await openCheckpoint(await openFolder("models/demo/translation-marian"));
  expect(checkpoint.description).toBe("models/demo/translation-marian/model.safetensors");
});

test("a folder without a checkpoint: the error lists what was looked for and what is there", async () => {
  const opening = open({ "config.json": json({}), "tf_model.h5": new Uint8Array(3) });
  await expect(opening).rejects.toThrow(
    /model\.safetensors, model\.safetensors\.index\.json, pytorch_model\.bin, pytorch_model\.bin\.index\.json.*found config\.json, tf_model\.h5/,
  );
  await expect(open({})).rejects.toThrow(/found no files/);
});

test("a Git LFS pointer in place of the weights is named as such", async () => {
  const pointer = new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n");
  await expect(open({ "model.safetensors": pointer })).rejects.toThrow(/git lfs pull/);
});

describe("sharded", () => {
  const shards = { "m-1.safetensors": shardOf({ a: [1, 2], b: [3] }), "m-2.safetensors": shardOf({ c: [4, 5, 6] }) };
  const map = { c: "m-2.safetensors", a: "m-1.safetensors", b: "m-1.safetensors" };

  test("tensors are read from their shards", async () => {
    const checkpoint = await open({ ...shards, "model.safetensors.index.json": index(map) });
    expect([...checkpoint.names].sort()).toEqual(["a", "b", "c"]);
    expect(await checkpoint.read("c")).toEqual(new Float32Array([4, 5, 6]));
    expect(await checkpoint.read("a")).toEqual(new Float32Array([1, 2]));
    expect(checkpoint.info("b")).toMatchObject({ dtype: "F32", shape: [1] });
    await expect(checkpoint.read("d")).rejects.toBeInstanceOf(FileError);
  });

  test("PyTorch shards are read likewise", async () => {
    const folder = await openFolder("test/golden/marian/model");
    const bytes = await folder.read("pytorch_model.bin");
    const whole = await open({ "pytorch_model.bin": bytes });
    const shard = "pytorch_model-00001-of-00001.bin";
    const weightMap = Object.fromEntries(whole.names.map((name) => [name, shard]));
    const sharded = await open({ [shard]: bytes, "pytorch_model.bin.index.json": index(weightMap) });
    expect(sharded.names).toEqual(whole.names);
    expect(await sharded.read("final_logits_bias")).toEqual(await whole.read("final_logits_bias"));
  });

  test.each<[string, unknown, RegExp]>([
    [
      "a shard in another folder",
      { ...map, a: "../m-1.safetensors" },
      /a: expected the name of a file in the same folder.*\.\.\/m-1/,
    ],
    ["an absolute path", { ...map, a: "/etc/passwd" }, /same folder, received "\/etc\/passwd"/],
    ["a Windows path", { ...map, a: "..\\m-1.safetensors" }, /same folder/],
    ["the parent folder", { ...map, a: ".." }, /same folder/],
    ["a shard that is no name", { ...map, a: 1 }, /same folder, received 1/],
    ["a missing shard", { ...map, d: "m-3.safetensors" }, /expected the files m-3\.safetensors beside it/],
    ["a tensor missing from its shard", { ...map, d: "m-1.safetensors" }, /d is not in m-1\.safetensors/],
    ["a tensor in another shard", { ...map, b: "m-2.safetensors" }, /b is in m-1\.safetensors, but the index says m-2/],
    ["a tensor that the index omits", { a: map.a, c: map.c }, /b is in m-1\.safetensors, but the index omits it/],
    ["no tensors", {}, /found none/],
    ["no map", [1], /expected a "weight_map".*received \[1\]/],
  ])("%s is refused", async (_, weightMap, message) => {
    const opening = open({ ...shards, "model.safetensors.index.json": index(weightMap) });
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toBeInstanceOf(FileError);
  });

  test("an index that is no JSON is refused", async () => {
    await expect(open({ "model.safetensors.index.json": new Uint8Array([1]) })).rejects.toThrow(
      /index\.json: expected JSON/,
    );
  });
});
