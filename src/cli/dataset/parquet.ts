/** Apache Parquet files. One row group is in memory at a time, and of it only the columns that are asked for. */

import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { FileError } from "../../errors.ts";
import type { DataFile, DataRow } from "./rows.ts";

/** Rows of a Parquet file with those of the columns that it has; without columns, rows without fields. */
export async function* parquetRows(
  { name, path }: DataFile,
  columns: readonly string[] | null,
): AsyncGenerator<DataRow> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file).catch((cause: unknown) => {
    throw new FileError(`${name}: expected a Parquet file, but it cannot be read (${String(cause)})`, { cause });
  });
  const present = parquetSchema(metadata).children.map(({ element }) => element.name);
  const read = columns?.filter((column) => present.includes(column));
  let first = 0;
  for (const group of metadata.row_groups) {
    const end = first + Number(group.num_rows);
    const rows =
      read === undefined || read.length === 0
        ? []
        : await parquetReadObjects({ file, metadata, columns: read, rowStart: first, rowEnd: end, compressors }).catch(
            (cause: unknown) => {
              throw new FileError(
                `${name}: expected rows ${first + 1} to ${end}, but they cannot be read (${String(cause)})`,
                {
                  cause,
                },
              );
            },
          );
    for (let row = first; row < end; row++) {
      const fields = rows[row - first] ?? {};
      yield { place: `${name}: row ${row + 1}`, fields: () => fields };
    }
    first = end;
  }
}
