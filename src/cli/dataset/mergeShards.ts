/**
 * Putting shards together. It is proved first that they come from one run, that every shard is there once, whole and
 * undamaged, and that every row is there once; nothing is held in memory but one row of each shard.
 */

import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { OptionError } from "../../errors.ts";
import { fileExists } from "../../platform/node.ts";
import { writing } from "../writing.ts";
import { type Write, writeMergedJson } from "./mergedJson.ts";
import { openParts, type Parts } from "./parts.ts";
import { type End, endLine, headerLine, readRecord, recordLine } from "./record.ts";

/**
 * @param savePath `.jsonl` for the file that one process would have written, anything else for Inseq's JSON
 * @returns how many rows there are
 * @throws OptionError when the file exists, or is one of the parts
 * @throws FileError for parts that are missing, doubled, damaged, unfinished or of another run
 */
export async function mergeShards(
  paths: readonly string[],
  savePath: string,
  { overwrite, signal }: { readonly overwrite: boolean; readonly signal: AbortSignal },
): Promise<End> {
  if (!overwrite && (await fileExists(savePath))) {
    throw new OptionError(`${savePath}: expected a new file, but it exists; choose another name or --overwrite`);
  }
  if (paths.some((path) => resolve(path) === resolve(savePath)))
    throw new OptionError(`${savePath}: expected another file than those that are merged; choose another name`);
  const parts = await openParts(paths, signal);
  const beside = join(dirname(savePath), `.${basename(savePath)}.${process.pid}.merging`);
  await writing(savePath, async () => {
    const file = await open(beside, "w");
    try {
      const write = (text: string) => file.appendFile(text, "latin1");
      if (savePath.endsWith(".jsonl")) await writeLines(parts, write);
      else await writeMergedJson(parts, write);
      await file.sync();
      await file.close();
      await rename(beside, savePath);
    } finally {
      await file.close().catch(() => undefined);
      await rm(beside, { force: true });
    }
  });
  return parts.end;
}

async function writeLines({ run, rows, end }: Parts, write: Write): Promise<void> {
  await write(headerLine({ run, index: 0, count: 1 }));
  for await (const { text, path } of rows()) await write(recordLine(readRecord(text, path)));
  await write(endLine(end));
}
