/**
 * Putting shards together. It is proved first that they come from one run, that every shard is there once, whole and
 * undamaged, and that every row is there once; nothing is held in memory but one row of each shard.
 */

import { open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { FileError, OptionError } from "../../errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import { fileExists } from "../../platform/node.ts";
import { formatPythonJson } from "../../result/pythonJson.ts";
import { extensionKey } from "../../result/writeInseqJson.ts";
import { differences } from "./fingerprint.ts";
import { bytesOf, linesOf } from "./lines.ts";
import {
  type End,
  endLine,
  type Header,
  headerLine,
  lineKind,
  type RowRecord,
  type Run,
  readHeader,
  readRecord,
  recordLine,
  unsealed,
} from "./record.ts";
import { type Rows, rowsOfShard } from "./shard.ts";
import { writing } from "./shardFile.ts";

export interface Merged extends End {
  /** Rows that have a result. */
  readonly rows: number;
}

interface Part {
  readonly path: string;
  readonly header: Header;
}

/**
 * @param savePath `.jsonl` for the file that one process would have written, anything else for Inseq's JSON
 * @throws FileError for parts that are missing, doubled, damaged, unfinished or of another run
 */
export async function mergeShards(
  paths: readonly string[],
  savePath: string,
  { overwrite, signal }: { readonly overwrite: boolean; readonly signal: AbortSignal },
): Promise<Merged> {
  if (!overwrite && (await fileExists(savePath))) {
    throw new OptionError(`${savePath}: expected a new file, but it exists; choose another name or --overwrite`);
  }
  if (paths.some((path) => resolve(path) === resolve(savePath)))
    throw new OptionError(`${savePath}: expected another file than those that are merged; choose another name`);
  const parts = await partsOf(paths);
  const { run } = (parts[0] as Part).header;
  const range = rangeOf(run, (parts[0] as Part).path);
  const end = { attributed: 0, failed: 0 };
  for (const part of parts) {
    const own = await prove(part, range, signal);
    end.attributed += own.attributed;
    end.failed += own.failed;
  }
  const beside = join(dirname(savePath), `.${basename(savePath)}.${process.pid}.merging`);
  await writing(savePath, async () => {
    const file = await open(beside, "w");
    try {
      const write = (text: string) => file.appendFile(text, "latin1");
      const rows = () => inOrder(parts, range, signal);
      if (savePath.endsWith(".jsonl")) await writeLines(run, rows(), end, write);
      else await writeJson(rows, range, write);
      await file.sync();
      await file.close();
      await rename(beside, savePath);
    } finally {
      await file.close().catch(() => undefined);
      await rm(beside, { force: true });
    }
  });
  return { ...end, rows: end.attributed };
}

/** The parts in order. */
async function partsOf(paths: readonly string[]): Promise<Part[]> {
  const parts: Part[] = [];
  for (const path of paths) {
    const there = await stat(path).catch(() => undefined);
    if (!there?.isFile()) {
      const received = there === undefined ? "but there is nothing of that name" : "received a folder";
      throw new FileError(`${path}: expected a result file of inseq attribute-dataset (.jsonl), ${received}`);
    }
    const { value: line } = await linesOf(bytesOf(path)).next();
    const text = line === undefined ? undefined : unsealed(line.bytes);
    if (text === undefined) {
      throw new FileError(
        `${path}: expected results of inseq attribute-dataset (.jsonl), but its first line is none, or not whole`,
      );
    }
    parts.push({ path, header: readHeader(text, path) });
  }
  const [first] = parts;
  if (first === undefined) throw new OptionError("merge: expected the result files of a run, received none");
  for (const { path, header } of parts) {
    const [other] = differences(first.header.run, header.run);
    if (other !== undefined) {
      throw new FileError(
        `${path}: expected the same run as ${first.path}, but ${other.name} differs; merge the parts of one run`,
      );
    }
    if (header.count !== first.header.count) {
      throw new FileError(
        `${path}: expected one of ${first.header.count} shards as ${first.path}, received one of ${header.count}`,
      );
    }
  }
  const sorted = Array.from({ length: first.header.count }, (_, index) =>
    parts.filter(({ header }) => header.index === index),
  );
  const missing = sorted.flatMap((found, index) => (found.length === 0 ? [index] : []));
  if (missing.length > 0) {
    throw new FileError(
      `merge: expected all ${first.header.count} shards, but ${missing.join(", ")} (counted from 0) are missing`,
    );
  }
  const doubled = sorted.find((found) => found.length > 1);
  if (doubled !== undefined) {
    throw new FileError(
      `merge: expected every shard once, received the same in ${doubled.map(({ path }) => path).join(" and ")}`,
    );
  }
  return sorted.flat();
}

function rangeOf({ rows, "--batch_size": batchSize }: JsonObject, path: string): Rows {
  const [start, end] = Array.isArray(rows) ? rows : [];
  if (typeof start === "number" && typeof end === "number" && typeof batchSize === "number")
    return { start, end, batchSize };
  throw new FileError(`${path}: expected the rows and the batch size in the first line; the file is damaged`);
}

/** @throws FileError unless the part has each of its rows once, in order, undamaged, and is finished */
async function prove({ path, header }: Part, range: Rows, signal: AbortSignal): Promise<End> {
  const expected = rowsOfShard(range, header);
  let [number, attributed, failed] = [0, 0, 0];
  for await (const { bytes, terminated } of linesOf(bytesOf(path))) {
    number++;
    signal.throwIfAborted();
    const text = terminated ? unsealed(bytes) : undefined;
    if (text === undefined)
      throw new FileError(`${path}: expected whole lines, but line ${number} is damaged; --resume the run mends that`);
    if (number === 1) continue;
    const line = lineKind(text);
    const wanted = expected.next();
    if (line.kind === "end" && wanted.done && line.attributed === attributed && line.failed === failed) return line;
    if (line.kind !== "row" || line.row !== wanted.value) {
      const [want, have] = [
        wanted.done ? "the end" : `row ${wanted.value}`,
        line.kind === "row" ? `row ${line.row}` : line.kind,
      ];
      throw new FileError(`${path}: expected ${want} in line ${number}, received ${have}; begin this shard anew`);
    }
    if (line.failed) failed++;
    else attributed++;
  }
  throw new FileError(
    `${path}: expected a finished shard, but it ends after ${attributed + failed} rows; go on with --resume`,
  );
}

/** The text of a row's line, and where it is from. */
interface RowText {
  readonly text: string;
  readonly path: string;
}

/** All rows of all parts in order. */
async function* inOrder(parts: readonly Part[], range: Rows, signal: AbortSignal): AsyncGenerator<RowText> {
  const lines = parts.map(({ path }) => linesOf(bytesOf(path)));
  try {
    for (const reader of lines) await reader.next();
    for (let row = range.start; row < range.end; row++) {
      signal.throwIfAborted();
      const at = Math.floor((row - range.start) / range.batchSize) % parts.length;
      const { value: line } = (await lines[at]?.next()) ?? {};
      const text = line === undefined ? undefined : unsealed(line.bytes);
      const path = parts[at]?.path ?? "";
      if (text === undefined)
        throw new FileError(`${path}: expected row ${row}, but the file changed meanwhile; merge again`);
      yield { text, path };
    }
  } finally {
    for (const reader of lines) await reader.return(undefined);
  }
}

type Write = (text: string) => Promise<void>;

async function writeLines(run: Run, rows: AsyncIterable<RowText>, end: End, write: Write): Promise<void> {
  await write(headerLine({ run, index: 0, count: 1 }));
  for await (const { text, path } of rows) await write(recordLine(readRecord(text, path)));
  await write(endLine(end));
}

/** Lists of `info` that have an item for each text. */
const perText = ["input_texts", "generated_texts", "chat_spans"];

/**
 * Inseq's file, written from front to back: each list that goes over all rows is a reading of the parts of its own. Failed
 * rows are named under `info.inseq_tfjs.dataset`.
 */
async function writeJson(rows: () => AsyncIterable<RowText>, range: Rows, write: Write): Promise<void> {
  async function* results(): AsyncGenerator<Result> {
    for await (const { text, path } of rows()) {
      const record = readRecord(text, path);
      if ("result" in record) yield resultOf(record, path);
    }
  }
  let first: Result | undefined;
  let last = 0;
  const failures: Json[] = [];
  for await (const { text, path } of rows()) {
    const record = readRecord(text, path);
    if ("error" in record) failures.push({ row: record.row, error: record.error });
    else {
      const result = resultOf(record, path);
      first ??= result;
      last = Math.max(last, Number(result.info.attr_pos_end));
    }
  }
  if (first === undefined) throw new FileError("merge: expected results, but all rows failed");
  const { info, instance } = first;
  const own = isJsonObject(info[extensionKey]) ? info[extensionKey] : {};
  const { result: _result, ...circumstances } = own;
  const compact = (value: Json) => formatPythonJson(value, { compact: true });
  const list = async (item: (result: Result) => Json) => {
    let separator = "[\n";
    for await (const result of results()) {
      await write(`${separator}${compact(item(result))}`);
      separator = ",\n";
    }
    await write("\n]");
  };
  await write(`{"__instance_type__":${compact(instance)},"attributes":{\n"info":{`);
  for (const [key, value] of Object.entries(info)) {
    if (key === extensionKey) continue;
    await write(`${compact(key)}:`);
    if (perText.includes(key)) await list((result) => itemsOf(result.info[key])[0] ?? []);
    else await write(compact(key === "attr_pos_end" ? last : value));
    await write(",\n");
  }
  const dataset = { rows: [range.start, range.end], failed: failures };
  await write(`${compact(extensionKey)}:${compact({ ...circumstances, dataset }).slice(0, -1)},"result":{"sequences":`);
  await list((result) => itemsOf(extensionOf(result).sequences)[0] ?? null);
  await write(`,"steps":`);
  if (extensionOf(first).steps === null) await write("null");
  else await writeSteps(results(), write, compact);
  await write(`}}},\n"sequence_attributions":`);
  await list(({ sequences }) => sequences[0] ?? null);
  await write(`,\n"step_attributions":null}}\n`);
}

async function writeSteps(
  results: AsyncIterable<Result>,
  write: Write,
  compact: (value: Json) => string,
): Promise<void> {
  let separator = "[\n";
  for await (const result of results) {
    for (const step of itemsOf(extensionOf(result).steps)) {
      await write(`${separator}${compact(step)}`);
      separator = ",\n";
    }
  }
  await write("\n]");
}

/** The pieces of a row's result file. */
interface Result {
  readonly instance: Json;
  readonly info: JsonObject;
  readonly sequences: readonly Json[];
}

function resultOf(record: RowRecord, path: string): Result {
  const file = "result" in record && isJsonObject(record.result) ? record.result : {};
  const { __instance_type__: instance, attributes } = file;
  if (instance !== undefined && isJsonObject(attributes) && isJsonObject(attributes.info)) {
    return { instance, info: attributes.info, sequences: itemsOf(attributes.sequence_attributions) };
  }
  throw new FileError(`${path}: expected a result in row ${record.row}, received something else; the file is damaged`);
}

function extensionOf({ info }: Result): JsonObject {
  const extension = info[extensionKey];
  return isJsonObject(extension) && isJsonObject(extension.result) ? extension.result : {};
}

function itemsOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
