/** Loading reads one tensor at a time: of every format, and with every storage, no read is larger than the largest tensor. */

import { beforeAll, expect, test } from "vitest";
import { loadArchitecture } from "../../models/load.ts";
import type { FileSource } from "../../src/files.ts";
import { openCheckpoint } from "../../src/model/checkpoint/openCheckpoint.ts";
import { compactFormats } from "../../src/ops/compactMatrix.ts";
import { openFolder } from "../../src/platform/node.ts";
import { useCpu } from "../support/backend.ts";

beforeAll(useCpu);

const folder = new URL("../../models/demo/translation-marian", import.meta.url).pathname;
/** Headers and the small files of a folder. */
const SMALL = 2 ** 17;

test.each(
  ["model.safetensors", "pytorch_model.bin"].flatMap((file) =>
    [undefined, ...compactFormats].map((storage) => [file, storage] as const),
  ),
)("%s as %s", async (checkpointFile, storage) => {
  const files = await openFolder(folder);
  const sizes: number[] = [];
  const watched: FileSource = {
    ...files,
    list: async () =>
      (await files.list()).filter((name) => name === checkpointFile || !/^(model|pytorch_model)\./.test(name)),
    read: async (file, ...range) => {
      const bytes = await files.read(file, ...range);
      sizes.push(bytes.byteLength);
      return bytes;
    },
  };
  const { names, info } = await openCheckpoint(watched);
  const largest = Math.max(...names.map((name) => 4 * info(name).shape.reduce((a, b) => a * b, 1)));
  sizes.length = 0;
  const { model } = await loadArchitecture(watched, storage);
  model.dispose();
  expect(sizes.length).toBeGreaterThan(names.length / 2);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(Math.max(largest, SMALL));
});
