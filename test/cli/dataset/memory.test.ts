/** Memory does not grow with the data: everything but the model, which `bench/datasetMemory.ts` runs on 100,000 rows. */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";

import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { batchesOf } from "../../../src/cli/dataset/batches.ts";
import { openDataset } from "../../../src/cli/dataset/dataset.ts";
import { fillShard } from "../../../src/cli/dataset/fillShard.ts";
import type { DataArguments } from "../../../src/cli/datasetOptions.ts";

const MEGABYTE = 1e6;
const ROWS = 2000;
/** Of each row's text, and of its result, which is made of the text. */
const CHARACTERS = 20_000;

/** What may be held more at one time than at another, in MB: a leak of the second half's results would be 20. */
const MOST = 8;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What is held once everything that is not held is gone. */
function heldBytes(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test.each(["jsonl", "json"])(
  "of 40 MB of %s and as much of results little is held",
  { timeout: 60_000 },
  async (format) => {
    const folder = await mkdtemp(join(tmpdir(), "inseq-memory-"));
    try {
      const [path, save] = [join(folder, `rows.${format}`), join(folder, "out.jsonl")];
      const file = createWriteStream(path);
      const [begin, between, end] = format === "json" ? ["[", ",\n", "]"] : ["", "\n", "\n"];
      for (let i = 0; i < ROWS; i++) {
        const text = `${i} `.padEnd(CHARACTERS, "word ");
        if (!file.write(`${i === 0 ? begin : between}${JSON.stringify({ q: text })}`)) await once(file, "drain");
      }
      file.end(end);
      await once(file, "close");

      const data = await openDataset({ datasetName: path, datasetSplit: "train", datasetKwargs: {} } as DataArguments);
      const range = { start: 0, end: ROWS, batchSize: 10 };
      const shard = { index: 0, count: 1 };
      const held: number[] = [];
      await fillShard(save, {
        range,
        options: { resume: false, overwrite: false },
        header: async () => ({ run: {}, ...shard }),
        onOpen: () => {},
        batches: (skip) => batchesOf(data.rows(["q"]), { range, shard, skip }, { input: "q", chat: false }),
        attribute: async (batch) => {
          if ((batch[0]?.row ?? 0) % (ROWS / 10) === 0) held.push(heldBytes());
          return batch.map((item) => ({ row: item.row, result: "input" in item ? (item.input as string) : "" }));
        },
      });
      expect((await stat(save)).size).toBeGreaterThan(ROWS * CHARACTERS);
      expect(held).toHaveLength(10);
      // What the first half leaves, writing the data included, is gone by the second.
      const [first, second] = [held.slice(0, 5), held.slice(5)];
      expect((Math.max(...second) - Math.min(...first)) / MEGABYTE).toBeLessThan(MOST);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
