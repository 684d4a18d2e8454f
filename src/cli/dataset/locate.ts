/** Where the files of a data set are: beside us, or on the hub. */

import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { OptionError } from "../../errors.ts";
import { type HubOptions, repositoryNameFault } from "../../model/hub/repository.ts";
import type { DataArguments } from "../datasetOptions.ts";
import { longName } from "../optionTable.ts";
import { chooseFiles, withoutMeaning } from "./chooseFiles.ts";
import { formatOf, formats } from "./files.ts";
import { hubFiles } from "./hub.ts";
import type { DataFile } from "./rows.ts";
import type { Split } from "./split.ts";

export interface Located {
  readonly files: readonly DataFile[];
  /** The format, where it was named. */
  readonly asked?: string;
  /** How tables are read, where the data set says it. */
  readonly kwargs: Readonly<Record<string, unknown>>;
}

const expected = `expected a file, a folder, a format (${formats.join(", ")}) or a data set of the hub`;

/**
 * A file or folder wins over a data set of the hub of the same name.
 * @throws OptionError for a name, files or a split that are not there, and options that it has no use for
 * @throws FileError when the hub does not give them
 */
export async function locate(
  split: Split,
  args: DataArguments,
  hub: Pick<HubOptions, "onDownload" | "signal">,
): Promise<Located> {
  const { datasetName: name, datasetDir, datasetFiles } = args;
  if (name === undefined) throw new OptionError(`--dataset_name (-d): ${expected}, received none`);
  const isFormat = (formats as readonly string[]).includes(name);
  const there = await stat(name).catch(() => undefined);
  if (there?.isFile()) {
    const others = ["datasetFiles", "datasetDir", "datasetConfig", "datasetRevision", "datasetAuthToken"] as const;
    refuse(args, others, `of the file ${name}`);
    onlyTrain(split, name);
    return { files: [{ name: basename(name), path: name }], kwargs: {} };
  }
  if (!isFormat && there === undefined) {
    const fault = formatOf(name) === undefined ? repositoryNameFault(name) : "it is that of a file";
    if (fault === undefined) return await hubFiles(name, onlyTrainOf(split, args), args, hub);
    throw new OptionError(
      `--dataset_name: ${expected}, but there is nothing of the name ${name} here, and it cannot be a name on the hub: ${fault}`,
    );
  }
  refuse(args, ["datasetRevision", "datasetAuthToken"], "of files on this machine");
  if (isFormat) refuse(args, ["datasetConfig"], `of the format ${name}`);
  if (isFormat && datasetFiles !== undefined && datasetDir === undefined) {
    return { files: await Promise.all(datasetFiles.map(existing)), asked: name, kwargs: {} };
  }
  const root = isFormat ? datasetDir : name;
  if (root === undefined) {
    throw new OptionError(
      `--dataset_name ${name}: expected files in --dataset_files or a folder in --dataset_dir, received neither`,
    );
  }
  const all = await namesIn(root);
  // Of a folder with several formats, a format that is named means its own files.
  const names = isFormat && datasetFiles === undefined ? all.filter((file) => formatOf(file) === name) : all;
  const card = isFormat || !names.includes("README.md") ? undefined : await readFile(join(root, "README.md"), "utf8");
  const chosen = chooseFiles(
    { where: root, names, card },
    {
      split: onlyTrainOf(split, args),
      config: args.datasetConfig,
      folder: isFormat ? undefined : datasetDir,
      files: datasetFiles,
    },
  );
  const files = chosen.names.map((file) => ({ name: file, path: join(root, file) }));
  return { files, kwargs: chosen.kwargs, ...(isFormat && { asked: name }) };
}

async function existing(path: string): Promise<DataFile> {
  if ((await stat(path).catch(() => undefined))?.isFile()) return { name: basename(path), path };
  throw new OptionError(`--dataset_files: expected a file, but there is none of the name ${path}`);
}

/** Names of the files in a folder and below, hidden ones left out. */
async function namesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}

function onlyTrain({ name }: Split, what: string): void {
  if (name === "train") return;
  throw new OptionError(`--dataset_split: expected train, the one split that ${what} has, received ${name}`);
}

/** The split's name; files that are named are train. */
function onlyTrainOf(split: Split, { datasetFiles }: DataArguments): string {
  if (datasetFiles !== undefined) onlyTrain(split, "--dataset_files");
  return split.name;
}

function refuse(args: DataArguments, names: readonly (keyof DataArguments)[], what: string): void {
  const given = names.find((name) => args[name] !== undefined);
  if (given !== undefined) throw withoutMeaning(longName(given), what);
}
