/** The files of a data set on the hub, from the cache that Python uses, or downloaded into it. */

import { FileError, OptionError } from "../../errors.ts";
import { missingFile } from "../../files.ts";
import { RevisionError } from "../../model/hub/client.ts";
import { type HubOptions, repositoryNameFault } from "../../model/hub/repository.ts";
import { openRevision } from "./revision.ts";
import { readHubSettings } from "./settings.ts";

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
export async function openDatasetRepository(name: string, options: HubOptions = {}): Promise<DatasetRepository> {
  const fault = repositoryNameFault(name);
  if (fault !== undefined) throw new OptionError(`${name}: expected the name of a data set on the hub, but ${fault}`);
  const settings = await readHubSettings(options);
  const where = `in the cache ${settings.cache}, which does not hold it, and the network is not to be used (HF_HUB_OFFLINE), or away`;
  const opened = await openRevision({ kind: "dataset", name }, options, settings, {
    isWhole: ({ names, listing }) => listing?.every((file) => names.includes(file)) ?? false,
    suffices: ({ listing }) => listing !== undefined,
    absent: (revision) =>
      new RevisionError(
        `${name}: expected revision "${revision}" of the data set ${where}; download it once, or give a file or folder`,
      ),
  });
  if (opened.from === "hub") {
    const byName = new Map(opened.files.map((file) => [file.name, file]));
    return {
      files: [...byName.keys()],
      fetch: async (wanted) => {
        const file = byName.get(wanted);
        if (file === undefined) throw missingFile(name, wanted, [...byName.keys()]);
        return await opened.fetch(file);
      },
    };
  }
  const { names, listing, pathOf } = opened.held;
  return {
    // Python remembers no listing: what it has downloaded is all there is, then.
    files: listing ?? names,
    fetch: async (file) => {
      if (names.includes(file)) return pathOf(file);
      throw new FileError(`${name}: expected ${file} ${where}; run the same command once with the network`);
    },
  };
}
