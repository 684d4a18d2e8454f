/**
 * Models by name, for Node: a folder, or a repository of the hub. `browserHub.ts` has the same for browsers.
 *
 * A file of the hub is downloaded when it is first read, into the cache that Python uses: so no file is fetched that is not
 * needed, and what either has downloaded the other finds.
 */

import { stat } from "node:fs/promises";
import { FileError } from "../errors.ts";
import { type FileSource, missingFile } from "../files.ts";
import { createHubClient, isAway } from "../model/hub/client.ts";
import { lazyFiles } from "../model/hub/lazyFiles.ts";
import {
  type HubFile,
  type HubOptions,
  type HubSnapshot,
  isCommitHash,
  repositoryNameFault,
} from "../model/hub/repository.ts";
import { fileExists, openFolder, readBytes } from "./node.ts";
import { openRepositoryCache, type RepositoryCache } from "./nodeHub/cache.ts";
import { download } from "./nodeHub/download.ts";
import { type NodeHubSettings, readHubSettings } from "./nodeHub/settings.ts";

export { type DatasetRepository, openDatasetRepository } from "./nodeHub/datasetRepository.ts";
export { whileLocked } from "./nodeHub/fileLock.ts";

/**
 * The files of a model. A folder wins over a repository of the same name.
 * @throws FileError when the place is neither, or the hub does not give it
 */
export async function openModel(place: string, options: HubOptions = {}): Promise<FileSource> {
  if (await fileExists(place)) return await openFolder(place);
  const fault = repositoryNameFault(place);
  if (fault !== undefined) {
    throw new FileError(
      `${place}: expected a model's folder, but there is nothing of that name, and it cannot be a name on the hub: ${fault}; ` +
        "give a folder, or a name such as gpt2 or Helsinki-NLP/opus-mt-en-fr",
    );
  }
  return await openRepository(place, options, await readHubSettings(options));
}

/** As `openModel` of a repository, with the settings given. */
export async function openRepository(
  repository: string,
  { revision = "main", onDownload }: HubOptions,
  settings: NodeHubSettings,
): Promise<FileSource> {
  const asModel = { kind: "model", name: repository } as const;
  const cache = openRepositoryCache(settings.cache, asModel);
  const known = await cache.commitOf(revision);
  if (settings.offline) return await cachedFiles(repository, revision, known, cache, settings);
  if (isCommitHash(revision) && isUsable(await cache.snapshotFiles(revision))) {
    return await cachedFiles(repository, revision, revision, cache, settings);
  }
  const client = createHubClient(asModel, revision, settings);
  let snapshot: HubSnapshot;
  try {
    snapshot = await client.snapshot();
  } catch (error) {
    if (!isAway(error) || known === undefined || !isUsable(await cache.snapshotFiles(known))) throw error;
    return await cachedFiles(repository, revision, known, cache, settings);
  }

  const { commit } = snapshot;
  const fetched = async (file: HubFile): Promise<string> => {
    await download(client, commit, file, cache, settings, onDownload);
    await cache.remember(revision, commit);
    return cache.pathOf(commit, file.name);
  };
  return lazyFiles(repository, snapshot.files, fetched, readBytes);
}

/** What the cache holds of a revision, without the network. */
async function cachedFiles(
  repository: string,
  revision: string,
  commit: string | undefined,
  cache: RepositoryCache,
  settings: NodeHubSettings,
): Promise<FileSource> {
  const names = commit === undefined ? [] : await cache.snapshotFiles(commit);
  if (commit === undefined || !names.includes("config.json")) {
    throw new FileError(
      `${repository}: expected revision "${revision}" in the cache ${settings.cache}, which does not hold it, and the network is ` +
        "not to be used (HF_HUB_OFFLINE or localFilesOnly); download it once, or give a model's folder",
    );
  }
  const locate = (name: string): string => {
    if (!names.includes(name)) throw missingFile(`${repository} in ${settings.cache}`, name, names);
    return cache.pathOf(commit, name);
  };
  return {
    name: repository,
    list: async () => names,
    size: async (name) => (await stat(locate(name))).size,
    read: async (name, start = 0, end) => await readBytes(locate(name), start, end),
  };
}

/** Whether a snapshot can be a whole model, so that the hub need not be asked: config, tokenizer, all shards of weights. */
function isUsable(names: readonly string[]): boolean {
  if (!names.includes("config.json") || !names.some((name) => TOKENIZER_FILE.test(name))) return false;
  const weights = names.filter((name) => /\.(?:safetensors|bin)$/.test(name));
  if (weights.length === 0) return false;
  return weights.every((name) => {
    const [, stem, count, ending] = /^(.+-)\d+-of-(\d+)(\..+)$/.exec(name) ?? [];
    if (count === undefined) return true;
    return Array.from({ length: Number(count) }, (_, at) => {
      const number = String(at + 1).padStart(count.length, "0");
      return `${stem}${number}-of-${count}${ending}`;
    }).every((shard) => names.includes(shard));
  });
}

const TOKENIZER_FILE = /^(?:tokenizer\.(?:json|model)|spiece\.model|sentencepiece\..*|source\.spm|vocab.*)$/;
