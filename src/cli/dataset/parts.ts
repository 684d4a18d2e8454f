/** The result files of a run's shards: whether they are all there and whole, and their rows in order. */

import { stat } from "node:fs/promises";
import { FileError, OptionError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { differences } from "./fingerprint.ts";
import { bytesOf, linesOf } from "./lines.ts";
import { type End, type Header, lineKind, type Run, readHeader, unsealed } from "./record.ts";
import { type Rows, rowsOfShard } from "./shard.ts";

/** All shards of one run, proved whole. */
export interface Parts {
  readonly run: Run;
  readonly range: Rows;
  /** How many rows they have. */
  readonly end: End;
  /** All rows of all parts in order. It may be called again. */
  rows(): AsyncIterable<RowText>;
}

/** The text of a row's line, and where it is from. */
export interface RowText {
  readonly text: string;
  readonly path: string;
}

interface Part {
  readonly path: string;
  readonly header: Header;
}

/**
 * @throws FileError for parts that are missing, doubled, damaged, unfinished or of another run
 * @throws the signal's reason once it is aborted, here and while rows are read
 */
export async function openParts(paths: readonly string[], signal: AbortSignal): Promise<Parts> {
  const parts = await partsOf(paths);
  const { header, path } = parts[0] as Part;
  const range = rangeOf(header.run, path);
  const end = { attributed: 0, failed: 0 };
  for (const part of parts) {
    const own = await prove(part, range, signal);
    end.attributed += own.attributed;
    end.failed += own.failed;
  }
  return { run: header.run, range, end, rows: () => inOrder(parts, range, signal) };
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
