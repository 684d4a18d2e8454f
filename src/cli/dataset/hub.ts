/**
 * Data sets of the hub. Of most of them the hub keeps a copy as Parquet, by configuration and split, on a branch of its own:
 * that is read where it is whole (of more than 5 GB it has the beginning alone) and nothing else is asked for; otherwise the
 * files of the repository are.
 */

import { readFile } from "node:fs/promises";
import { RevisionError } from "../../model/hub/client.ts";
import type { HubOptions } from "../../model/hub/repository.ts";
import { type DatasetRepository, openDatasetRepository } from "../../platform/nodeHub.ts";
import type { DataArguments } from "../datasetOptions.ts";
import { type CardConfig, configsOfCard } from "./card.ts";
import { chooseConfig, chooseFiles } from "./chooseFiles.ts";
import { unknownSplit } from "./files.ts";
import type { DataFile } from "./rows.ts";

/** The branch that the hub makes. */
const CONVERTED = "refs/convert/parquet";

export interface HubFiles {
  readonly files: readonly DataFile[];
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/**
 * The files of a split, downloaded unless they are in the cache.
 * @throws OptionError for a configuration, split or files that it does not have; FileError when the hub does not give them
 */
export async function hubFiles(
  name: string,
  split: string,
  { datasetConfig: config, datasetRevision, datasetDir, datasetFiles, datasetAuthToken }: DataArguments,
  how: Pick<HubOptions, "onDownload" | "signal">,
): Promise<HubFiles> {
  const hub: HubOptions = { ...how, ...(datasetAuthToken !== undefined && { token: datasetAuthToken }) };
  if (datasetRevision === undefined && datasetDir === undefined && datasetFiles === undefined) {
    const converted = await convertedFiles(name, split, config, hub);
    if (converted !== undefined) return { files: converted, kwargs: {} };
  }
  const repository = await openDatasetRepository(name, { ...hub, revision: datasetRevision });
  const shelf = { where: name, names: repository.files, card: await cardOf(repository) };
  const chosen = chooseFiles(shelf, { split, config, folder: datasetDir, files: datasetFiles });
  return { files: await fetched(repository, chosen.names), kwargs: chosen.kwargs };
}

/** Files `config/split/0000.parquet` of the hub's copy; undefined when there is none, or only a part of it. */
async function convertedFiles(
  name: string,
  split: string,
  config: string | undefined,
  hub: HubOptions,
): Promise<readonly DataFile[] | undefined> {
  const repository = await openDatasetRepository(name, { ...hub, revision: CONVERTED }).catch((error: unknown) => {
    if (error instanceof RevisionError) return undefined;
    throw error;
  });
  const found = (repository?.files ?? []).flatMap((file) => {
    const [, config, split] = /^([^/]+)\/([^/]+)\/[^/]+\.parquet$/.exec(file) ?? [];
    return config === undefined || split === undefined ? [] : [{ file, config, split }];
  });
  if (repository === undefined || found.length === 0) return undefined;
  const configs = [...new Set(found.map((one) => one.config))];
  const isOpen = config === undefined ? configs.length > 1 && !configs.includes("default") : !configs.includes(config);
  const known = isOpen ? await configsOnCard(name, hub) : [];
  if (known.some((one) => one.name === config)) return undefined;
  const main = known.find(({ isDefault }) => isDefault)?.name;
  const own = found.filter((one) => one.config === chooseConfig(configs, config, main, name));
  const splits = [...new Set(own.map((one) => one.split))];
  if (splits.some((one) => one.startsWith("partial-"))) return undefined;
  if (!splits.includes(split)) throw unknownSplit(split, splits, name);
  const files = own.filter((one) => one.split === split).map(({ file }) => file);
  return await fetched(repository, files.sort());
}

async function configsOnCard(name: string, hub: HubOptions): Promise<readonly CardConfig[]> {
  const card = await cardOf(await openDatasetRepository(name, hub));
  return card === undefined ? [] : configsOfCard(card, `${name}/README.md`);
}

async function cardOf(repository: DatasetRepository): Promise<string | undefined> {
  if (!repository.files.includes("README.md")) return undefined;
  return await readFile(await repository.fetch("README.md"), "utf8");
}

async function fetched(repository: DatasetRepository, names: readonly string[]): Promise<DataFile[]> {
  const files: DataFile[] = [];
  for (const name of names) files.push({ name, path: await repository.fetch(name) });
  return files;
}
