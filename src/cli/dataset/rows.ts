/** The rows of a data set, whatever file they are in. */

import { FileError } from "../../errors.ts";

/** A row that cannot be read or attributed. The message names the file, the line and, where there is one, the column. */
export class RowFault extends FileError {}

export interface DataRow {
  /** The file and line (or row, of a binary file) that it begins at. */
  readonly place: string;
  /**
   * Its fields by name; parsed when asked for, so that skipped rows cost little.
   * @throws RowFault when it is malformed
   */
  fields(): Readonly<Record<string, unknown>>;
}

/** A file of a data set. */
export interface DataFile {
  /** How to call it in messages. */
  readonly name: string;
  /** Where it is on this machine. */
  readonly path: string;
}

/**
 * The value of a field. A dot goes into records, where no field has the whole name: `translation.en`.
 * @throws RowFault when the row has no such field
 */
export function fieldOf(row: DataRow, name: string): unknown {
  const fields = row.fields();
  if (Object.hasOwn(fields, name)) return fields[name];
  let value: unknown = fields;
  for (const part of name.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) {
      throw new RowFault(
        `${row.place}: expected the field "${name}", found ${Object.keys(fields).join(", ") || "no fields"}`,
      );
    }
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

/** @throws RowFault when the bytes are no UTF-8 */
export function decodedUtf8(place: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new RowFault(`${place}: expected UTF-8 text, received other bytes; convert the file to UTF-8`, { cause });
  }
}
