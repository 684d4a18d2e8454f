/** The files of a data set on the hub, from the cache that Python uses, or downloaded into it. */

import { FileError, OptionError } from "../../errors.ts";
import { missingFile } from "../../files.ts";
import { createHubClient, isAway, RevisionError } from "../../model/hub/client.ts";
import { type HubOptions, type HubSnapshot, repositoryNameFault } from "../../model/hub/repository.ts";
import { openRepositoryCache, type RepositoryCache } from "./cache.ts";
import { download } from "./download.ts";
import { type NodeHubSettings, readHubSettings } from "./settings.ts";

export interface DatasetRepository {
  /** Names of all files, with their folders. */
  readonly files: readonly string[];
  /**
   * Where a file is on this machine; it is downloaded when it is not there.
   * @throws FileError when the hub does not give it
   */
  fetch(file: string): Promise<string>;
}

/**
 * A data set of the hub at a revision.
 * @throws OptionError for a name that cannot be one on the hub
 * @throws RevisionError when it has no such revision; FileError when the hub does not give it
 */
export async function openDatasetRepository(
  name: string,
  { revision = "main", ...options }: HubOptions = {},
): Promise<DatasetRepository> {
  const fault = repositoryNameFault(name);
  if (fault !== undefined) throw new OptionError(`${name}: expected the name of a data set on the hub, but ${fault}`);
  const settings = await readHubSettings(options);
  const repository = { kind: "dataset", name } as const;
  const cache = openRepositoryCache(settings.cache, repository);
  const known = await cache.commitOf(revision);
  const listed = known === undefined ? undefined : await cache.listing(known);
  if (settings.offline) return await cachedRepository(name, revision, known, cache, settings);
  const client = createHubClient(repository, revision, settings);
  let snapshot: HubSnapshot;
  try {
    snapshot = await client.snapshot();
  } catch (error) {
    if (!isAway(error) || listed === undefined) throw error;
    return await cachedRepository(name, revision, known, cache, settings);
  }
  const { commit, files } = snapshot;
  const byName = new Map(files.map((file) => [file.name, file]));
  return {
    files: [...byName.keys()],
    fetch: async (wanted) => {
      const file = byName.get(wanted);
      if (file === undefined) throw missingFile(name, wanted, [...byName.keys()]);
      await download(client, commit, file, cache, settings, options.onDownload);
      await cache.remember(revision, commit);
      if ((await cache.listing(commit)) === undefined) await cache.rememberListing(commit, [...byName.keys()]);
      return cache.pathOf(commit, wanted);
    },
  };
}

/** What the cache holds of a revision. Python remembers no listing: what it has downloaded is all there is, then. */
async function cachedRepository(
  name: string,
  revision: string,
  commit: string | undefined,
  cache: RepositoryCache,
  { cache: folder }: NodeHubSettings,
): Promise<DatasetRepository> {
  const there = commit === undefined ? [] : await cache.snapshotFiles(commit);
  if (commit === undefined || there.length === 0) {
    throw new RevisionError(
      `${name}: expected revision "${revision}" of the data set in the cache ${folder}, which does not hold it, and the network ` +
        "is not to be used (HF_HUB_OFFLINE), or away; download it once, or give a file or folder",
    );
  }
  return {
    files: (await cache.listing(commit)) ?? there,
    fetch: async (file) => {
      if (there.includes(file)) return cache.pathOf(commit, file);
      throw new FileError(
        `${name}: expected ${file} in the cache ${folder}, which does not hold it, and the network is not to be used ` +
          "(HF_HUB_OFFLINE), or away; run the same command once with the network",
      );
    },
  };
}
