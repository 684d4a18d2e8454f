/** The download of a file into the cache, by one process at a time. */

import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import type { HubClient } from "../../model/hub/client.ts";
import type { HubFile, HubOptions } from "../../model/hub/repository.ts";
import { transfer } from "../../model/hub/transfer.ts";
import { type RepositoryCache, writing } from "./cache.ts";
import { whileLocked } from "./fileLock.ts";
import { openPartialFile } from "./partialFile.ts";
import type { NodeHubSettings } from "./settings.ts";

/** Does nothing when the cache has the file. @throws FileError when the hub does not give it, or there is no space */
export async function download(
  client: HubClient,
  commit: string,
  file: HubFile,
  cache: RepositoryCache,
  settings: NodeHubSettings,
  onDownload: HubOptions["onDownload"],
): Promise<void> {
  if (await cache.holds(commit, file)) return;
  const finish = async (isLocked: boolean) => {
    if (await cache.holds(commit, file)) return;
    // Without a lock another process may be writing: then each has a partial file of its own, which does not outlive it.
    const path = cache.partialPath(file, isLocked ? "" : `.${randomUUID()}`);
    const partial = await openPartialFile(path, settings.cache);
    try {
      await transfer(client, commit, file, partial, onDownload);
      await cache.adopt(path, commit, file);
    } finally {
      await partial.close();
      if (!isLocked) await rm(path, { force: true });
    }
  };
  await writing(settings.cache, () => whileLocked(cache.lockPath(file), settings.signal, finish));
}
