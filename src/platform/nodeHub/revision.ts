/** A revision of a repository: as the hub has it, or as the cache does where that has to do. */

import { createHubClient, isAway } from "../../model/hub/client.ts";
import { type HubFile, type HubOptions, isCommitHash, type Repository } from "../../model/hub/repository.ts";
import { openRepositoryCache, type RepositoryCache } from "./cache.ts";
import { download } from "./download.ts";
import type { NodeHubSettings } from "./settings.ts";

/** What the cache has of a commit. */
export interface Held {
  /** Files that are there, whole ones only. */
  readonly names: readonly string[];
  /** All files that the commit has, if that was remembered. */
  readonly listing: readonly string[] | undefined;
  pathOf(name: string): string;
}

export type Revision =
  | {
      readonly from: "hub";
      readonly files: readonly HubFile[];
      /** Where a file is on this machine; it is downloaded when it is not there. @throws FileError when the hub does not give it */
      fetch(file: HubFile): Promise<string>;
    }
  | { readonly from: "cache"; readonly held: Held };

/** What a kind of repository makes of its cache. */
export interface CacheRules {
  /** It holds all that there is of a commit, which never changes, so that the hub need not be asked. */
  isWhole(held: Held): boolean;
  /** It will do while the hub is away. */
  suffices(held: Held): boolean;
  /** Nothing of the revision is there, and the network is not to be used. */
  absent(revision: string): Error;
}

/** @throws what `absent` says; FileError when the hub does not give the revision */
export async function openRevision(
  repository: Repository,
  { revision = "main", onDownload }: Pick<HubOptions, "revision" | "onDownload">,
  settings: NodeHubSettings,
  rules: CacheRules,
): Promise<Revision> {
  const cache = openRepositoryCache(settings.cache, repository);
  const known = await cache.commitOf(revision);
  const held = known === undefined ? undefined : await heldOf(cache, known);
  if (settings.offline) {
    if (held === undefined || held.names.length === 0) throw rules.absent(revision);
    return { from: "cache", held };
  }
  if (held !== undefined && isCommitHash(revision) && rules.isWhole(held)) return { from: "cache", held };
  const client = createHubClient(repository, revision, settings);
  try {
    const { commit, files } = await client.snapshot();
    const fetch = async (file: HubFile): Promise<string> => {
      await download(client, commit, file, cache, settings, onDownload);
      await cache.remember(revision, commit);
      // A model is known to be whole by its files; what a data set has is known only if it is remembered.
      if (repository.kind === "dataset" && (await cache.listing(commit)) === undefined) {
        await cache.rememberListing(
          commit,
          files.map(({ name }) => name),
        );
      }
      return cache.pathOf(commit, file.name);
    };
    return { from: "hub", files, fetch };
  } catch (error) {
    if (!isAway(error) || held === undefined || !rules.suffices(held)) throw error;
    return { from: "cache", held };
  }
}

async function heldOf(cache: RepositoryCache, commit: string): Promise<Held> {
  return {
    names: await cache.snapshotFiles(commit),
    listing: await cache.listing(commit),
    pathOf: (name) => cache.pathOf(commit, name),
  };
}
