/** JSON Lines (https://jsonlines.org): an object in each line; and plain text, of which each line is the field `text`. */

import { jsonErrorAt } from "../../evaluate/data/jsonPosition.ts";
import { bytesOf, linesOf } from "./lines.ts";
import { type DataFile, type DataRow, decodedUtf8, RowFault } from "./rows.ts";

/** Rows of a JSONL file. Empty lines are no rows. */
export async function* jsonLines({ name, path }: DataFile): AsyncGenerator<DataRow> {
  let number = 0;
  for await (const { bytes } of linesOf(bytesOf(path))) {
    number++;
    if (isBlank(bytes)) continue;
    const place = `${name}: line ${number}`;
    yield { place, fields: () => parsed(place, bytes) };
  }
}

/** Rows of a text file, every line one, empty ones too. */
export async function* textLines({ name, path }: DataFile): AsyncGenerator<DataRow> {
  let number = 0;
  for await (const { bytes } of linesOf(bytesOf(path))) {
    const place = `${name}: line ${++number}`;
    yield { place, fields: () => ({ text: decodedUtf8(place, bytes).replace(/\r$/, "") }) };
  }
}

function parsed(place: string, bytes: Buffer): Readonly<Record<string, unknown>> {
  const text = decodedUtf8(place, bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const column = jsonErrorAt(text) + 1;
    const hint =
      text.trim() === "{" ? `; --dataset_kwargs '{"field": ...}' names the list in a file that is one object` : "";
    const rest = text.slice(column - 1, column + 19);
    const received = rest === "" ? "the end of the line" : `${JSON.stringify(rest)} there`;
    throw new RowFault(`${place}, column ${column}: expected a JSON object, received ${received}${hint}`, {
      cause: error,
    });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new RowFault(
    `${place}: expected a JSON object, received ${text.slice(0, 40)}; each line is an object of fields`,
  );
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
