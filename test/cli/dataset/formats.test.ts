/** Rows of every format: the same from each, one after another, with faults named by where they are. */

import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { batchesOf } from "../../../src/cli/dataset/batches.ts";
import { openDataset } from "../../../src/cli/dataset/dataset.ts";
import { delimitedRows } from "../../../src/cli/dataset/delimited.ts";
import { jsonLines } from "../../../src/cli/dataset/jsonLines.ts";
import { jsonList } from "../../../src/cli/dataset/jsonList.ts";
import { parquetBytesAtOnce, parquetRows } from "../../../src/cli/dataset/parquet.ts";
import type { DataFile, DataRow } from "../../../src/cli/dataset/rows.ts";
import type { DataArguments } from "../../../src/cli/datasetOptions.ts";
import { FileError } from "../../../src/errors.ts";

const parquet = fileURLToPath(new URL("../../golden/rows.parquet", import.meta.url));

let folder = "";
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inseq-formats-"));
});
afterAll(async () => await rm(folder, { recursive: true }));

async function open(datasetName: string, args: Partial<DataArguments> = {}) {
  return await openDataset({ datasetName, datasetSplit: "train", datasetKwargs: {}, ...args } as DataArguments);
}

async function read(name: string, args: Partial<DataArguments> = {}): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const row of (await open(name, args)).rows(["q", "a"])) rows.push(row.fields());
  return rows;
}

async function made(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(at(name), name.endsWith(".gz") ? gzipSync(content) : content);
  return at(name);
}

interface Pair {
  readonly q: string;
  readonly a: string;
}
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
const table = (rows: readonly Pair[], delimiter: string) =>
  [`q${delimiter}a`, ...rows.map(({ q, a }) => `${quoted(q)}${delimiter}${quoted(a)}`)].join("\n");
const written: Readonly<Record<string, (rows: readonly Pair[]) => string>> = {
  "t.jsonl": (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join(""),
  "t.json": (rows) => JSON.stringify(rows, null, 2),
  "t.csv": (rows) => table(rows, ","),
  "t.tsv": (rows) => table(rows, "\t"),
};

describe("rows", () => {
  test("are the same from every format, packed or not, whatever characters they have", async () => {
    const text = fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => text.replaceAll("\r", ""));
    const rows = fc.array(fc.record({ q: text, a: text }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(rows, fc.constantFrom("", ".gz"), async (rows, packed) => {
        for (const [name, write] of Object.entries(written))
          expect(await read(await made(`${name}${packed}`, write(rows)))).toEqual(rows);
      }),
      { numRuns: 25 },
    );
  });

  test("may be longer than a piece of a file, which ends within a character or a record", async () => {
    const rows = Array.from({ length: 30 }, (_, i) => ({ q: "ü,\n".repeat(9000 + 7 * i), a: `${i}` }));
    for (const [name, write] of Object.entries(written))
      expect(await read(await made(name, `\ufeff${write(rows)}`))).toEqual(rows);
  });

  test("of Parquet files have their types, nested ones too, and only the columns that are asked for", async () => {
    expect(await read(parquet)).toEqual(
      [0, 1, 2, 3, 4].map((i) => ({ q: `w, ${i}`, a: i === 3 ? null : `w, ${i} and ç` })),
    );
    const data = await open(parquet);
    const shard = { index: 0, count: 1 };
    const range = { start: 0, end: 5, batchSize: 5 };
    const batch = async (input: string) => {
      const columns = [input, input.split(".")[0] ?? ""];
      for await (const items of batchesOf(data.rows(columns), { range, shard, skip: 3 }, { input, chat: false }))
        return items.map((item) => ("fault" in item ? item.fault.message : item.input));
      return [];
    };
    expect(await batch("translation.tr")).toEqual(["kelime 3", "kelime 4"]);
    expect(await batch("messages")).toEqual([3, 4].map((i) => [{ role: "user", content: `w, ${i}` }]));
    expect(await batch("n")).toEqual(
      [3, 4].map((i) => `rows.parquet: row ${i + 1}: expected a text in "n", received "${i}"`),
    );
    expect(await batch("a")).toEqual([`rows.parquet: row 4: expected a text in "a", received null`, "w, 4 and ç"]);
    let count = 0;
    for await (const _ of data.rows(null)) count++;
    expect(count).toBe(5);
  });

  test("of a Parquet file with an index of its pages are read in parts, others a group at a time", async () => {
    const indexed = {
      name: "indexed.parquet",
      path: fileURLToPath(new URL("../../golden/indexed.parquet", import.meta.url)),
    };
    const columns = ["q", "a", "messages"];
    const rowsOf = async (rows: AsyncIterable<DataRow>) => {
      const found: unknown[] = [];
      for await (const row of rows) found.push([row.place.replace(/^.*: /, ""), row.fields()]);
      return found;
    };
    const whole = await rowsOf((await open(parquet)).rows(columns));
    for (const most of [1, 2, 3, 8192]) expect(await rowsOf(parquetRows(indexed, columns, most))).toEqual(whole);
    expect(await parquetBytesAtOnce(indexed, columns)).toBe(0);
    expect(await (await open(indexed.path)).largestPiece(columns)).toBeNull();
    const piece = await (await open(parquet)).largestPiece(["q"]);
    expect(piece).toEqual({ name: "rows.parquet", bytes: expect.any(Number) });
    expect(piece?.bytes).toBeGreaterThan(10);
    expect(piece?.bytes).toBeLessThan((await (await open(parquet)).largestPiece(columns))?.bytes ?? 0);
  });

  test("of a text are its lines; those of an object are in a field of it", async () => {
    expect(await read(await made("t.txt.gz", "one\r\n\ntwo"))).toEqual([
      { text: "one" },
      { text: "" },
      { text: "two" },
    ]);
    const nested = await made("nested.json", '{"version": 1, "data": {"rows": [{"q": "x"}]}}');
    expect(await read(nested, { datasetKwargs: { field: "data.rows" } })).toEqual([{ q: "x" }]);
    expect(await read("json", { datasetFiles: [await made("list.txt", '[{"q": "y"}]')] })).toEqual([{ q: "y" }]);
  });

  test("of a folder are those of the format that is named", async () => {
    const several = at("several");
    await mkdir(several);
    await writeFile(join(several, "train.csv"), "q\nx");
    await writeFile(join(several, "train.jsonl"), '{"q": "y"}');
    expect(await read("csv", { datasetDir: several })).toEqual([{ q: "x" }]);
    expect(await read("json", { datasetDir: several })).toEqual([{ q: "y" }]);
    await expect(read(several)).rejects.toThrow(
      /expected data in one format, found train.csv, train.jsonl; --dataset_files/,
    );
    await expect(read("tsv", { datasetDir: several })).rejects.toThrow(
      /files of the split "train" .*, found no data files/,
    );
  });

  test("come out before all of a file is there", async () => {
    // Through a pipe whose other end stays open: whoever waits for the end never gets a row.
    const first = async (rows: (file: DataFile) => AsyncIterable<DataRow>, text: string) => {
      const path = at(randomUUID());
      execFileSync("mkfifo", [path]);
      const writer = createWriteStream(path).on("error", () => {});
      writer.write(text);
      for await (const row of rows({ name: "pipe", path })) {
        writer.destroy();
        return row.fields();
      }
      return {};
    };
    const row = { q: "x" };
    expect(await first(jsonLines, '{"q": "x"}\n{"q"')).toEqual(row);
    expect(await first((file) => jsonList(file, undefined), '[{"q": "x"}, {"')).toEqual(row);
    expect(await first((file) => delimitedRows(file, { delimiter: ",", quoted: true }), "q\nx\ny, ")).toEqual(row);
  });

  test("of whole groups come from a Parquet file whose last group is damaged", async () => {
    const bytes = await readFile(parquet);
    // The last group's values stand before the description of the file, whose length is in its last bytes.
    const end = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
    const damaged = await made("damaged.parquet", bytes.fill(0xff, end - 300, end));
    const rows: unknown[] = [];
    const all = async () => {
      for await (const row of (await open(damaged)).rows(["q", "messages"])) rows.push(row.fields().q);
    };
    await expect(all()).rejects.toThrow(/^damaged.parquet: expected rows 5 to 5, but they cannot be read \(/);
    expect(rows).toEqual(["w, 0", "w, 1", "w, 2", "w, 3"]);
  });
});

describe("a file that is wrong", () => {
  test.each<[string, string | Uint8Array, string, Partial<DataArguments>?]>([
    ["a.jsonl", '{"q": "x"}\n{"q": 01}\n', 'a.jsonl: line 2, column 8: expected a JSON object, received "1}" there'],
    ["b.jsonl", '{"q": "x"}\n\n["x"]\n', 'b.jsonl: line 3: expected a JSON object, received ["x"]; each line'],
    [
      "c.json",
      '{\n "data": [{"q": "x"}]}',
      `c.json: line 1, column 2: expected a JSON object, received the end of the line; --dataset_kwargs '{"field"`,
    ],
    [
      "d.json",
      '[{"q": "x"},\n  {"q": y}]',
      "d.json: expected JSON, but behind line 2, column 7 it is none: Unexpected",
    ],
    [
      "e.json",
      '[{"q": "x"},\n {"q": "y"}',
      "e.json: expected JSON, but behind line 2, column 11 it is none: Parser ended",
    ],
    [
      "f.json",
      '[{"q": "x"},\n {"q": "y"},]',
      "f.json: expected JSON, but behind line 2, column 13 it is none: Unexpected",
    ],
    ["g.json", '[{"q": "x"}, 5]', "g.json: row 2: expected a list of JSON objects, received 5"],
    [
      "h.json",
      '{"data": {"q": {}}}',
      'h.json: row 1: expected a list of JSON objects, received the field "q" of',
      { datasetKwargs: { field: "data" } },
    ],
    [
      "p.json",
      '{"data": []}',
      'p.json: expected a list of objects in the field "rows", found none',
      { datasetKwargs: { field: "rows" } },
    ],
    ["i.csv", "q,a\nx,y\nx\n", "i.csv: line 3, column 2: expected 2 columns (q, a), received 1"],
    [
      "j.tsv",
      'q\ta\nx\t"y\n',
      "j.tsv: line 2, column 2: expected the end of a quoted field, received the end of the file",
    ],
    ["k.tsv", 'q\ta\nx\ty"z\n', "k.tsv: line 2, column 2: expected a field without quotes inside"],
    ["l.txt", Uint8Array.of(0x61, 0x0a, 0xff), "l.txt: line 2: expected UTF-8 text"],
    ["m.json", Uint8Array.of(0x5b, 0x22, 0xff), "m.json: expected UTF-8 text"],
    ["n.parquet", "PAR1 no more PAR1", "n.parquet: expected a Parquet file, but it cannot be read"],
    [
      "o.csv",
      "q;a\nx;y\n",
      "--dataset_kwargs: expected sep, delimiter, column_names, names, quoting for csv files",
      { datasetKwargs: { field: "x" } },
    ],
  ])("%s says where", async (name, content, message, args = {}) => {
    const attempt = read(await made(name, content), args);
    await expect(attempt).rejects.toThrow(message);
  });

  test("says so when it was packed and cut short, or is not packed at all", async () => {
    const whole = gzipSync("q\n".padEnd(3000, "row of many\n"));
    await writeFile(at("cut.csv.gz"), whole.subarray(0, whole.length - 12));
    await expect(read(at("cut.csv.gz"))).rejects.toThrow(/cut.csv.gz: expected gzip, but .* it may be cut short/);
    await writeFile(at("plain.csv.gz"), "q\nx\n");
    await expect(read(at("plain.csv.gz"))).rejects.toBeInstanceOf(FileError);
  });
});
