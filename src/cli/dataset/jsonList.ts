/** JSON files that are a list of objects, or an object in which a field has such a list, of any size. */

import { Tokenizer, TokenParser } from "@streamparser/json";
import { FileError } from "../../errors.ts";
import { bytesOf } from "./lines.ts";
import { type DataFile, type DataRow, RowFault } from "./rows.ts";

/** The first character of a file that is no space; undefined in an empty one. */
export async function firstCharacter(path: string): Promise<string | undefined> {
  for await (const chunk of bytesOf(path)) {
    const found = /[^ \t\r\n]/.exec(chunk.toString("latin1").replace(BYTE_ORDER_MARK, ""))?.[0];
    if (found !== undefined) return found;
  }
  return undefined;
}

const BYTE_ORDER_MARK = /^\xef\xbb\xbf/;

/** Strings are put together in a buffer, twice as fast as by the library's default; longer ones in several. */
const STRING_BYTES = 1 << 14;

/**
 * Rows of the list. What is no JSON is a fault of the file, not of a row: nobody knows where the next one begins.
 * @param field the field that has it (a dot goes into objects); without one the file is the list
 * @throws FileError with line and column when the text is no JSON; when the field has no list
 */
export async function* jsonList({ name, path }: DataFile, field: string | undefined): AsyncGenerator<DataRow> {
  const tokenizer = new Tokenizer({ stringBufferSize: STRING_BYTES });
  const parser = new TokenParser({ paths: [field === undefined ? "$.*" : `$.${field}.*`], keepStack: false });
  // Where the last token begins, in bytes: the fault is it, or follows it.
  let lastToken = 0;
  tokenizer.onToken = (token) => {
    lastToken = token.offset;
    parser.write(token);
  };
  const faults: Error[] = [];
  tokenizer.onError = (error) => faults.push(error);
  parser.onError = (error) => faults.push(error);
  let number = 0;
  let found: DataRow[] = [];
  parser.onValue = ({ value, key }) => {
    const place = `${name}: row ${++number}`;
    found.push({ place, fields: () => objectOf(place, key, value) });
  };
  const check = async () => {
    const [fault] = faults;
    if (fault === undefined) return;
    const { line, column } = await placeAt(path, lastToken);
    throw new FileError(
      `${name}: expected JSON, but behind line ${line}, column ${column} it is none: ${fault.message}; where the next row of a ` +
        "list begins is not known then, as it is in JSON Lines",
      {
        cause: fault,
      },
    );
  };
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for await (const chunk of bytesOf(path)) {
    tokenizer.write(decoded(decoder, chunk, name));
    yield* found;
    found = [];
    await check();
  }
  if (!tokenizer.isEnded) tokenizer.end();
  if (!parser.isEnded) parser.end();
  await check();
  if (number > 0 || field === undefined) return;
  throw new FileError(`${name}: expected a list of objects in the field "${field}", found none`);
}

function objectOf(place: string, key: unknown, value: unknown): Readonly<Record<string, unknown>> {
  const isRow = typeof value === "object" && value !== null && !Array.isArray(value);
  if (isRow && typeof key === "number") return value as Record<string, unknown>;
  const received = typeof key === "number" ? JSON.stringify(value).slice(0, 40) : `the field "${key}" of an object`;
  throw new RowFault(`${place}: expected a list of JSON objects, received ${received}`);
}

function decoded(decoder: TextDecoder, chunk: Buffer, name: string): string {
  try {
    return decoder.decode(chunk, { stream: true });
  } catch (cause) {
    throw new FileError(`${name}: expected UTF-8 text, received other bytes; convert the file to UTF-8`, { cause });
  }
}

/** Line and column, from 1, of the byte at a position. */
async function placeAt(path: string, position: number): Promise<{ readonly line: number; readonly column: number }> {
  let [passed, line, lineStart] = [0, 1, 0];
  for await (const chunk of bytesOf(path)) {
    const before = chunk.subarray(0, position - passed);
    for (let at = before.indexOf("\n"); at >= 0; at = before.indexOf("\n", at + 1)) {
      line++;
      lineStart = passed + at + 1;
    }
    passed += chunk.length;
    if (passed > position) break;
  }
  return { line, column: position - lineStart + 1 };
}
