/**
 * The result file of a shard while it is written. A batch of rows is appended in one piece and is on the disk before the next
 * one is begun; a process that is killed at any byte leaves whole batches and at most a piece behind them, which is cut off
 * when the work goes on. A batch that was begun is done again as a whole, so that its rows are generated together again.
 */

import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { FileError, OptionError } from "../../errors.ts";
import { formatPythonJson } from "../../result/pythonJson.ts";
import { writing } from "../writing.ts";
import { differences } from "./fingerprint.ts";
import { bytesOf, linesOf } from "./lines.ts";
import {
  type End,
  endLine,
  type Header,
  headerLine,
  lineKind,
  type RowRecord,
  readHeader,
  recordLine,
  unsealed,
} from "./record.ts";
import { endsBatch, type Rows, rowsOfShard } from "./shard.ts";

export interface ShardFile {
  /** Rows of earlier runs that are there. */
  readonly done: End;
  /** Whether every row is there. */
  readonly complete: boolean;
  /** Bytes of an interrupted batch that were cut off. */
  readonly dropped: number;
  /** Appends the records of a batch; they are on the disk when it is over. */
  append(records: readonly RowRecord[]): Promise<void>;
  /** Says that the file is complete. */
  finish(): Promise<End>;
  close(): Promise<void>;
}

export interface ShardFileOptions {
  readonly resume: boolean;
  readonly overwrite: boolean;
}

interface Recovered extends End {
  /** Where whole batches end, in bytes. */
  readonly end: number;
  readonly complete: boolean;
}

/**
 * @throws OptionError when the file has results already and is neither to be continued nor replaced, or when it comes from
 * other data or options
 * @throws FileError when it is something else than results, or cannot be written
 */
export async function openShardFile(
  path: string,
  header: Header,
  rows: Rows,
  { resume, overwrite }: ShardFileOptions,
): Promise<ShardFile> {
  const handle = await writing(path, () => open(path, "r+"));
  try {
    const { size } = await handle.stat();
    if (size > 0 && !resume && !overwrite) {
      throw new OptionError(
        `${path}: expected a new file, but it has results; --resume goes on with it, --overwrite begins anew`,
      );
    }
    const recovered = resume && size > 0 ? await recover(path, header, rows) : null;
    if (recovered === null) {
      await replaceEnd(path, handle, 0, headerLine(header));
      await syncFolder(path);
    } else if (recovered.end < size) {
      await replaceEnd(path, handle, recovered.end, "");
    }
    return writer(path, handle, recovered, recovered === null ? 0 : size - recovered.end);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function writer(path: string, handle: FileHandle, recovered: Recovered | null, dropped: number): ShardFile {
  let { attributed, failed } = recovered ?? { attributed: 0, failed: 0 };
  return {
    done: { attributed, failed },
    complete: recovered?.complete ?? false,
    dropped,
    append: async (records) => {
      await replaceEnd(path, handle, (await handle.stat()).size, records.map(recordLine).join(""));
      failed += records.filter((record) => "error" in record).length;
      attributed += records.filter((record) => "result" in record).length;
    },
    finish: async () => {
      await replaceEnd(path, handle, (await handle.stat()).size, endLine({ attributed, failed }));
      return { attributed, failed };
    },
    close: () => handle.close(),
  };
}

/** The whole batches of a file; null when not even its header is whole. */
async function recover(path: string, header: Header, rows: Rows): Promise<Recovered | null> {
  const expected = rowsOfShard(rows, header);
  let [attributed, failed] = [0, 0];
  let kept: Recovered | null = null;
  for await (const { bytes, end, terminated } of linesOf(bytesOf(path))) {
    const text = terminated ? unsealed(bytes) : undefined;
    if (text === undefined) {
      // Something else than our results must not be cut off.
      const isBegun = headerLine(header).startsWith(bytes.toString("latin1"));
      if (kept === null && !isBegun) {
        throw new FileError(
          `${path}: expected results of inseq attribute-dataset, received something else; choose another --save_path, or --overwrite`,
        );
      }
      return kept;
    }
    if (kept === null) {
      checkHeader(path, readHeader(text, path), header);
      kept = { end, attributed, failed, complete: false };
      continue;
    }
    const line = lineKind(text);
    if (line.kind === "end") {
      const counted = line.attributed === attributed && line.failed === failed;
      if (counted && expected.next().done) return { end, attributed, failed, complete: true };
      throw new FileError(
        `${path}: expected all rows before the end, but some are missing; begin anew with --overwrite`,
      );
    }
    const wanted = expected.next().value;
    if (line.kind !== "row" || line.row !== wanted) {
      const received = line.kind === "row" ? `row ${line.row}` : text.slice(0, 40);
      throw new FileError(`${path}: expected row ${wanted}, received ${received}; begin anew with --overwrite`);
    }
    if (line.failed) failed++;
    else attributed++;
    if (endsBatch(line.row, rows)) kept = { end, attributed, failed, complete: false };
  }
  return kept;
}

/** @throws OptionError naming what is not as it was */
function checkHeader(path: string, found: Header, now: Header): void {
  const changed = differences(
    { ...found.run, shard: `${found.index}/${found.count}` },
    { ...now.run, shard: `${now.index}/${now.count}` },
  );
  if (changed.length === 0) return;
  const lines = changed.map(
    ({ name, before, after }) => `  ${name}: expected ${shown(before)} as before, received ${shown(after)}`,
  );
  throw new OptionError(
    `${path}: expected the same data and options as when it was begun, but something changed:\n${lines.join("\n")}\n` +
      "restore that, or begin anew with --overwrite or another --save_path",
  );
}

function shown(value: Parameters<typeof formatPythonJson>[0] | undefined): string {
  const text = value === undefined ? "nothing" : formatPythonJson(value, { compact: true });
  return text.length <= 120 ? text : `${text.slice(0, 117)}...`;
}

/** Puts `text` in the place of everything from `end` on, to the disk; a failed write leaves what was there before. */
async function replaceEnd(path: string, handle: FileHandle, end: number, text: string): Promise<void> {
  await writing(path, async () => {
    await handle.truncate(end);
    try {
      const bytes = Buffer.from(text, "latin1");
      for (let written = 0; written < bytes.length; ) {
        written += (await handle.write(bytes, written, bytes.length - written, end + written)).bytesWritten;
      }
      await handle.datasync();
    } catch (error) {
      await handle.truncate(end);
      throw error;
    }
  });
}

/** A new file is there after a power failure only when its folder is on the disk, too. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
