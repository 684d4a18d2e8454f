/**
 * Apache Parquet files. Only the columns that are asked for are read: some thousand rows at a time where the file has an index of
 * its pages (https://github.com/apache/parquet-format/blob/master/PageIndex.md), else one row group at a time.
 */

import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type RowGroup,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { FileError } from "../../errors.ts";
import type { DataFile, DataRow } from "./rows.ts";

/** Rows of a Parquet file with those of the columns that it has; without columns, rows without fields. */
export async function* parquetRows(
  { name, path }: DataFile,
  columns: readonly string[] | null,
  rowsAtOnce = ROWS_AT_ONCE,
): AsyncGenerator<DataRow> {
  const { file, metadata } = await opened({ name, path });
  const present = parquetSchema(metadata).children.map(({ element }) => element.name);
  const read = columns?.filter((column) => present.includes(column)) ?? [];
  const rowsBetween = async (rowStart: number, rowEnd: number) => {
    if (read.length === 0) return [];
    const how = { file, metadata, columns: read, rowStart, rowEnd, compressors, useOffsetIndex: true };
    return await parquetReadObjects(how).catch((cause: unknown) => {
      throw new FileError(
        `${name}: expected rows ${rowStart + 1} to ${rowEnd}, but they cannot be read (${String(cause)})`,
        { cause },
      );
    });
  };
  let first = 0;
  for (const group of metadata.row_groups) {
    const groupEnd = first + Number(group.num_rows);
    const most = hasPageIndex(group, read) ? rowsAtOnce : Number.POSITIVE_INFINITY;
    while (first < groupEnd) {
      const end = Math.min(first + most, groupEnd);
      const rows = await rowsBetween(first, end);
      for (let row = first; row < end; row++) {
        const fields = rows[row - first] ?? {};
        yield { place: `${name}: row ${row + 1}`, fields: () => fields };
      }
      first = end;
    }
  }
}

/** Bytes, as they are unpacked, of the columns of the largest row group that has to be read at once; 0 when none has. */
export async function parquetBytesAtOnce(from: DataFile, columns: readonly string[]): Promise<number> {
  const { metadata } = await opened(from);
  const whole = metadata.row_groups.filter((group) => !hasPageIndex(group, columns));
  const bytes = whole.map((group) =>
    chunksOf(group, columns).reduce(
      (sum, { meta_data: chunk }) => sum + Number(chunk?.total_uncompressed_size ?? 0),
      0,
    ),
  );
  return Math.max(0, ...bytes);
}

/** Enough that decoding dwarfs seeking, and a few megabytes of ordinary texts. */
const ROWS_AT_ONCE = 8192;

async function opened({ name, path }: DataFile): Promise<{ file: AsyncBuffer; metadata: FileMetaData }> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file).catch((cause: unknown) => {
    throw new FileError(`${name}: expected a Parquet file, but it cannot be read (${String(cause)})`, { cause });
  });
  return { file, metadata };
}

function hasPageIndex(group: RowGroup, columns: readonly string[]): boolean {
  return chunksOf(group, columns).every((chunk) => chunk.offset_index_offset !== undefined);
}

function chunksOf(group: RowGroup, columns: readonly string[]) {
  return group.columns.filter(({ meta_data: chunk }) => columns.includes(chunk?.path_in_schema[0] ?? ""));
}
