/** A data set as a whole: its files, their rows in order, and what tells it from every other. */

import { stat } from "node:fs/promises";
import type { Json } from "../../json.ts";
import type { HubOptions } from "../../model/hub/repository.ts";
import type { DataArguments } from "../datasetOptions.ts";
import { delimitedRows } from "./delimited.ts";
import { commonFormat, type DataFormat } from "./files.ts";
import { hashOfFile } from "./fingerprint.ts";
import { jsonLines, textLines } from "./jsonLines.ts";
import { firstCharacter, jsonList } from "./jsonList.ts";
import { locate } from "./locate.ts";
import { parquetBytesAtOnce, parquetRows } from "./parquet.ts";
import { type ReadingOptions, readingOptions } from "./readingOptions.ts";
import type { DataFile, DataRow } from "./rows.ts";
import { readSplit, type Split } from "./split.ts";

export interface Dataset {
  readonly files: readonly DataFile[];
  readonly split: Split;
  /** All rows of all files. Of Parquet files only these columns are read; null reads none, to count rows. */
  rows(columns: readonly string[] | null): AsyncIterable<DataRow>;
  /** The file of which most has to be in memory at once, and how many bytes; null where rows are read one after another. */
  largestPiece(columns: readonly string[]): Promise<{ readonly name: string; readonly bytes: number } | null>;
  /** Name, size and SHA-256 of each file. */
  identity(signal: AbortSignal): Promise<Json>;
}

/**
 * Finds the files of a data set; those on the hub are downloaded.
 * @throws OptionError for a name, files or a split that are not there, and options that it has no use for
 * @throws FileError when the hub does not give them
 */
export async function openDataset(
  args: DataArguments,
  hub: Pick<HubOptions, "onDownload" | "signal"> = {},
): Promise<Dataset> {
  const split = readSplit(args.datasetSplit);
  const { files, asked, kwargs } = await locate(split, args, hub);
  const format = commonFormat(
    files.map(({ path }) => path),
    asked,
  );
  const how = readingOptions(format, { ...kwargs, ...args.datasetKwargs });
  return {
    files,
    split,
    rows: async function* (columns) {
      for (const file of files) yield* rowsOf(file, format, how, columns);
    },
    largestPiece: async (columns) => {
      if (format !== "parquet") return null;
      let most = { name: "", bytes: 0 };
      for (const file of files) {
        const bytes = await parquetBytesAtOnce(file, columns);
        if (bytes > most.bytes) most = { name: file.name, bytes };
      }
      return most.bytes > 0 ? most : null;
    },
    identity: async (signal) =>
      await Promise.all(
        files.map(async ({ name, path }) => ({
          name,
          size: (await stat(path)).size,
          sha256: await hashOfFile(path, signal),
        })),
      ),
  };
}

function rowsOf(
  file: DataFile,
  format: DataFormat,
  { field, ...table }: ReadingOptions,
  columns: readonly string[] | null,
): AsyncIterable<DataRow> {
  switch (format) {
    case "json":
      return jsonRows(file, field);
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

/** A file of lines, or one list. */
async function* jsonRows(file: DataFile, field: string | undefined): AsyncGenerator<DataRow> {
  const isList = field !== undefined || (await firstCharacter(file.path)) === "[";
  yield* isList ? jsonList(file, field) : jsonLines(file);
}
