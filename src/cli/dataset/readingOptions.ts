/** The options of reading files that `--dataset_kwargs` and a data set's own description may have. */

import { OptionError } from "../../errors.ts";
import type { TableOptions } from "./delimited.ts";
import type { DataFormat } from "./files.ts";

/** How files are read, beyond what their format says. */
export interface ReadingOptions extends Omit<TableOptions, "delimiter"> {
  readonly delimiter?: string;
  /** Of a JSON file, the field that has the list of rows. */
  readonly field?: string;
}

/**
 * What pandas, which reads tables for `datasets`, calls `sep` (or `delimiter`), `names` (or `column_names`) and `quoting`; and
 * `field` of JSON files.
 * @throws OptionError for others, and values that they do not take
 */
export function readingOptions(format: DataFormat, kwargs: Readonly<Record<string, unknown>>): ReadingOptions {
  const { sep, delimiter = sep, names, column_names: columns = names, quoting, field } = kwargs;
  const known = knownOptions[format];
  const unknown = Object.keys(kwargs).filter((name) => !known.includes(name));
  const fault = (what: string, received: unknown) =>
    new OptionError(`--dataset_kwargs: ${what}, received ${JSON.stringify(received)}`);
  if (unknown.length > 0) {
    throw fault(`expected ${known.length > 0 ? known.join(", ") : "nothing"} for ${format} files`, unknown);
  }
  if (field !== undefined && typeof field !== "string") throw fault('"field": expected a name', field);
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
    ...(field !== undefined && { field }),
    ...(columns !== undefined && { columns: columns as readonly string[] }),
  };
}

const tableKeys = ["sep", "delimiter", "column_names", "names", "quoting"];
const knownOptions: Readonly<Record<DataFormat, readonly string[]>> = {
  csv: tableKeys,
  tsv: tableKeys,
  json: ["field"],
  parquet: [],
  text: [],
};

/** Numbers of Python's module csv. */
const QUOTE_MINIMAL = 0;
const QUOTE_NONE = 3;
