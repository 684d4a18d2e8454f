/**
 * Tables in text files: comma-separated values as RFC 4180 has them, and the same with tabs.
 *
 * Records are told apart here and parsed one by one by the library: so a malformed one is a fault of its own rows, and those
 * that are skipped cost little.
 */

import { CsvError, parse } from "csv-parse/sync";
import { bytesOf, linesOf } from "./lines.ts";
import { type DataFile, type DataRow, decodedUtf8, RowFault } from "./rows.ts";

export interface TableOptions {
  readonly delimiter: string;
  /** Names of the columns; by default the first row has them. */
  readonly columns?: readonly string[] | undefined;
  /** Whether quotes may surround a field. */
  readonly quoted: boolean;
}

/** Rows of a table. Empty lines are no rows. */
export async function* delimitedRows(
  { name, path }: DataFile,
  { delimiter, columns, quoted }: TableOptions,
): AsyncGenerator<DataRow> {
  let names = columns;
  for await (const { bytes, line } of recordsOf(path, delimiter, quoted)) {
    const place = `${name}: line ${line}`;
    const values = () => valuesOf(decodedUtf8(place, bytes), place, delimiter, quoted);
    if (names === undefined) names = values();
    else yield { place, fields: () => byName(place, names ?? [], values()) };
  }
}

/** Records, which may go over several lines, with the number of their first line. */
async function* recordsOf(path: string, delimiter: string, quoted: boolean) {
  let begun: Buffer[] = [];
  let [number, first, isOpen] = [0, 1, false];
  for await (const { bytes } of linesOf(bytesOf(path))) {
    number++;
    if (begun.length === 0) {
      first = number;
      if (isBlank(bytes)) continue;
    }
    isOpen = quoted && endsInQuotes(bytes, delimiter.charCodeAt(0), isOpen);
    begun.push(bytes);
    if (isOpen) continue;
    yield { bytes: joined(begun), line: first };
    begun = [];
  }
  if (begun.length > 0) yield { bytes: joined(begun), line: first };
}

const QUOTE = 0x22;
const NEWLINE = Buffer.from("\n");

/** Whether a quoted field goes on behind this line. A quote opens a field only where the field begins. */
function endsInQuotes(bytes: Buffer, delimiter: number, isOpen: boolean): boolean {
  if (!isOpen && !bytes.includes(QUOTE)) return false;
  let [open, atStart] = [isOpen, !isOpen];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (open && byte === QUOTE && bytes[at + 1] === QUOTE) at++;
    else if (open && byte === QUOTE) open = false;
    else if (!open && byte === QUOTE && atStart) open = true;
    atStart = !open && byte === delimiter;
  }
  return open;
}

function valuesOf(text: string, place: string, delimiter: string, quoted: boolean): readonly string[] {
  try {
    const [record = []] = parse(text, { delimiter, bom: true, relax_column_count: true, quote: quoted ? '"' : false });
    return record;
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    const column = typeof cause.column === "number" ? `, column ${cause.column + 1}` : "";
    throw new RowFault(`${place}${column}: ${quoteFaults[cause.code] ?? cause.message}`, { cause });
  }
}

/** By the library's codes. */
const quoteFaults: Readonly<Record<string, string>> = {
  CSV_INVALID_CLOSING_QUOTE: "expected a quoted field to end with its quote, received characters behind it",
  INVALID_OPENING_QUOTE:
    "expected a field without quotes inside; surround it with quotes and double those inside, or read the file with " +
    `--dataset_kwargs '{"quoting": 3}', which means no quotes`,
  CSV_QUOTE_NOT_CLOSED: "expected the end of a quoted field, received the end of the file",
};

function byName(place: string, names: readonly string[], values: readonly string[]): Readonly<Record<string, unknown>> {
  if (values.length === names.length) return Object.fromEntries(names.map((name, i) => [name, values[i]]));
  throw new RowFault(
    `${place}, column ${Math.min(values.length, names.length) + 1}: expected ${names.length} columns ` +
      `(${names.join(", ")}), received ${values.length}`,
  );
}

function joined(lines: readonly Buffer[]): Buffer {
  const [only] = lines;
  if (lines.length === 1 && only !== undefined) return only;
  return Buffer.concat(lines.flatMap((line, i) => (i === 0 ? [line] : [NEWLINE, line])));
}

function isBlank(bytes: Buffer): boolean {
  return bytes.length === 0 || (bytes.length === 1 && bytes[0] === 0x0d);
}
