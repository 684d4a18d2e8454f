/** A data set as a whole: its files, their rows in order, and what tells it from every other. */

import { readdir, stat } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { OptionError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { DatasetArguments } from "../datasetOptions.ts";
import { delimitedRows, type TableOptions } from "./delimited.ts";
import { commonFormat, type DataFormat, filesOfSplit, formats, matchingFiles } from "./files.ts";
import { hashOfFile } from "./fingerprint.ts";
import { jsonLines, textLines } from "./jsonLines.ts";
import { parquetRows } from "./parquet.ts";
import type { DataFile, DataRow } from "./rows.ts";
import { readSplit, type Split } from "./split.ts";

export interface Dataset {
  readonly files: readonly DataFile[];
  readonly split: Split;
  /** All rows of all files. Of Parquet files only these columns are read; null reads none, to count rows. */
  rows(columns: readonly string[] | null): AsyncIterable<DataRow>;
  /** Name, size and SHA-256 of each file. */
  identity(): Promise<Json>;
}

/**
 * Finds the files of a data set.
 * @throws OptionError for a name, files or a split that are not there, and options that it has no use for
 */
export async function openDataset(args: DatasetArguments): Promise<Dataset> {
  const { datasetName } = args;
  if (datasetName === undefined) {
    throw new OptionError(
      `--dataset_name (-d): expected a file, a folder or a format (${formats.join(", ")}) with --dataset_files, received none`,
    );
  }
  const split = readSplit(args.datasetSplit);
  const { files, asked } = await located(datasetName, split, args);
  const format = commonFormat(
    files.map(({ path }) => path),
    asked,
  );
  const table = tableOptions(format, args.datasetKwargs);
  return {
    files,
    split,
    rows: async function* (columns) {
      for (const file of files) yield* rowsOf(file, format, table, columns);
    },
    identity: async () =>
      await Promise.all(
        files.map(async ({ name, path }) => ({ name, size: (await stat(path)).size, sha256: await hashOfFile(path) })),
      ),
  };
}

interface Located {
  readonly files: readonly DataFile[];
  /** The format, where it was named. */
  readonly asked?: string;
}

async function located(name: string, split: Split, args: DatasetArguments): Promise<Located> {
  const { datasetFiles, datasetDir } = args;
  const isFormat = (formats as readonly string[]).includes(name);
  const there = await stat(name).catch(() => undefined);
  if (there?.isFile()) {
    refuse(args, ["datasetFiles", "datasetDir"], `of the file ${name}`);
    onlyTrain(split, name);
    return { files: [{ name: basename(name), path: name }] };
  }
  if (!isFormat && there === undefined) {
    throw new OptionError(
      `--dataset_name: expected a file, a folder or a format (${formats.join(", ")}), but there is nothing of the name ${name}; files of a data set on the hub have to be downloaded first`,
    );
  }
  if (isFormat && datasetFiles !== undefined) {
    onlyTrain(split, "--dataset_files");
    const files = await Promise.all(
      datasetFiles.map(async (file) => {
        const path = datasetDir === undefined ? file : join(datasetDir, file);
        if ((await stat(path).catch(() => undefined))?.isFile()) return { name: basename(path), path };
        throw new OptionError(`--dataset_files: expected a file, but there is none of the name ${path}`);
      }),
    );
    return { files, asked: name };
  }
  const folder = isFormat ? datasetDir : datasetDir === undefined ? name : join(name, datasetDir);
  if (folder === undefined) {
    throw new OptionError(
      `--dataset_name ${name}: expected files in --dataset_files or a folder in --dataset_dir, received neither`,
    );
  }
  const names = await namesIn(folder);
  const chosen =
    datasetFiles === undefined ? filesOfSplit(names, split.name, folder) : matchingFiles(names, datasetFiles, folder);
  if (datasetFiles !== undefined) onlyTrain(split, "--dataset_files");
  return { files: chosen.map((file) => ({ name: file, path: join(folder, file) })), ...(isFormat && { asked: name }) };
}

/** Names of the files in a folder and below. */
async function namesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}

function onlyTrain({ name }: Split, what: string): void {
  if (name === "train") return;
  throw new OptionError(`--dataset_split: expected train, the one split that ${what} has, received ${name}`);
}

function refuse(args: DatasetArguments, names: readonly (keyof DatasetArguments)[], what: string): void {
  const given = names.find((name) => args[name] !== undefined);
  if (given === undefined) return;
  const option = `--${given.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
  throw new OptionError(`${option}: expected nothing, as it has no meaning ${what}; leave it out`);
}

function rowsOf(
  file: DataFile,
  format: DataFormat,
  table: Omit<TableOptions, "delimiter"> & { readonly delimiter?: string },
  columns: readonly string[] | null,
): AsyncIterable<DataRow> {
  switch (format) {
    case "json":
      return jsonLines(file);
    case "text":
      return textLines(file);
    case "csv":
      return delimitedRows(file, { delimiter: ",", ...table });
    case "tsv":
      return delimitedRows(file, { delimiter: "\t", ...table });
    case "parquet":
      return parquetRows(file, columns);
    default:
      throw format satisfies never;
  }
}

/** What pandas, which reads tables for `datasets`, calls `sep` (or `delimiter`), `names` (or `column_names`) and `quoting`. */
function tableOptions(format: DataFormat, kwargs: Readonly<Record<string, unknown>>) {
  const isTable = format === "csv" || format === "tsv";
  const { sep, delimiter = sep, names, column_names: columns = names, quoting, ...others } = kwargs;
  const unknown = isTable ? Object.keys(others) : Object.keys(kwargs);
  const fault = (what: string, received: unknown) =>
    new OptionError(`--dataset_kwargs: ${what}, received ${JSON.stringify(received)}`);
  if (unknown.length > 0) {
    throw fault(`expected ${isTable ? "sep, column_names and quoting" : `nothing for ${format} files`}`, unknown);
  }
  if (delimiter !== undefined && (typeof delimiter !== "string" || !/^[ -~\t]$/.test(delimiter))) {
    throw fault('"sep": expected one ASCII character', delimiter);
  }
  if (columns !== undefined && !(Array.isArray(columns) && columns.every((column) => typeof column === "string"))) {
    throw fault('"column_names": expected a list of names', columns);
  }
  if (quoting !== undefined && quoting !== QUOTE_MINIMAL && quoting !== QUOTE_NONE) {
    throw fault(`"quoting": expected ${QUOTE_NONE} (quotes are ordinary characters) or ${QUOTE_MINIMAL}`, quoting);
  }
  return {
    quoted: quoting !== QUOTE_NONE,
    ...(delimiter !== undefined && { delimiter }),
    ...(columns !== undefined && { columns: columns as readonly string[] }),
  };
}

/** Numbers of Python's module csv. */
const QUOTE_MINIMAL = 0;
const QUOTE_NONE = 3;
