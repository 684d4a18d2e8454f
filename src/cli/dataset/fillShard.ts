/** The work on a shard from wherever it stands to its end, whatever is done with a batch. */

import { FileError } from "../../errors.ts";
import { whileLocked } from "../../platform/nodeHub.ts";
import { writing } from "../writing.ts";
import type { FaultyItem, Item } from "./batches.ts";
import type { End, Header, RowRecord } from "./record.ts";
import type { Rows } from "./shard.ts";
import { openShardFile, type ShardFile, type ShardFileOptions } from "./shardFile.ts";

export type Batch = readonly (Item | FaultyItem)[];

/** How long another process may still hold the file that has just ended. */
const LOCK_MILLISECONDS = 2000;

export interface ShardWork {
  /** What was asked; called once the file is this process's own. */
  readonly header: () => Promise<Header>;
  readonly range: Rows;
  readonly options: ShardFileOptions;
  /** What is there already. */
  readonly onOpen: (file: ShardFile) => void;
  /** Batches behind the first `skip` rows of the shard. */
  readonly batches: (skip: number) => AsyncIterable<Batch>;
  /** The records of a batch, one for each row, in order. */
  readonly attribute: (batch: Batch) => Promise<readonly RowRecord[]>;
}

/**
 * Does what is left to do, and says so at the file's end.
 * @throws FileError when another process works on the file, or it cannot be written; and as `openShardFile`
 */
export async function fillShard(path: string, work: ShardWork): Promise<End> {
  try {
    return await writing(path, () => whileLocked(path, AbortSignal.timeout(LOCK_MILLISECONDS), () => fill(path, work)));
  } catch (error) {
    if (!(error instanceof Error && error.name === "AbortError")) throw error;
    throw new FileError(`${path}: expected to be the only one that writes it, but another process does; wait for it`);
  }
}

async function fill(path: string, { header, range, options, onOpen, batches, attribute }: ShardWork): Promise<End> {
  const file = await openShardFile(path, await header(), range, options);
  try {
    onOpen(file);
    if (file.complete) return file.done;
    for await (const batch of batches(file.done.attributed + file.done.failed))
      await file.append(await attribute(batch));
    return await file.finish();
  } finally {
    await file.close();
  }
}
