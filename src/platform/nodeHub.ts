/**
 * Models by name, for Node: a folder, or a repository of the hub. `browserHub.ts` has the same for browsers.
 *
 * A file of the hub is downloaded when it is first read, into the cache that Python uses: so no file is fetched that is not
 * needed, and what either has downloaded the other finds.
 */

import { stat } from "node:fs/promises";
import { FileError } from "../errors.ts";
import { type FileSource, missingFile } from "../files.ts";
import { lazyFiles } from "../model/hub/lazyFiles.ts";
import { type HubOptions, repositoryNameFault } from "../model/hub/repository.ts";
import { fileExists, openFolder, readBytes } from "./node.ts";
import { type Held, openRevision } from "./nodeHub/revision.ts";
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
  options: HubOptions,
  settings: NodeHubSettings,
): Promise<FileSource> {
  const absent = (revision: string): FileError =>
    new FileError(
      `${repository}: expected revision "${revision}" in the cache ${settings.cache}, which does not hold it, and the network is ` +
        "not to be used (HF_HUB_OFFLINE or localFilesOnly); download it once, or give a model's folder",
    );
  const opened = await openRevision({ kind: "model", name: repository }, options, settings, {
    isWhole: isUsable,
    suffices: isUsable,
    absent,
  });
  if (opened.from === "hub") return lazyFiles(repository, opened.files, opened.fetch, readBytes);
  const { names, pathOf } = opened.held;
  if (!names.includes("config.json")) throw absent(options.revision ?? "main");
  const locate = (name: string): string => {
    if (!names.includes(name)) throw missingFile(`${repository} in ${settings.cache}`, name, names);
    return pathOf(name);
  };
  return {
    name: repository,
    list: async () => names,
    size: async (name) => (await stat(locate(name))).size,
    read: async (name, start = 0, end) => await readBytes(locate(name), start, end),
  };
}

/** Whether a snapshot can be a whole model, so that the hub need not be asked: config, tokenizer, all shards of weights. */
function isUsable({ names }: Pick<Held, "names">): boolean {
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
