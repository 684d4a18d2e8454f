/** Reading JSON files: any damage is one FileError that names the file. */

import { FileError } from "./errors.ts";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * The value that UTF-8 `bytes` hold; `what` is how to call the file in a message.
 * @throws FileError when they are not valid UTF-8 or not valid JSON.
 */
export function parseJson(what: string, bytes: Uint8Array): Json {
  return parseJsonText(what, decodeUtf8(what, bytes));
}

/**
 * The object that UTF-8 `bytes` hold. An object that has the same key twice is refused: readers disagree about which of
 * the two counts.
 * @throws FileError when they are not valid UTF-8, not valid JSON, not an object, or repeat a key at any depth.
 */
export function parseJsonObject(what: string, bytes: Uint8Array): JsonObject {
  const text = decodeUtf8(what, bytes);
  const value = parseJsonText(what, text);
  if (!isJsonObject(value)) throw new FileError(`${what}: expected a JSON object, received ${describeJson(value)}`);
  const repeated = repeatedKey(text);
  if (repeated !== undefined) {
    throw new FileError(`${what}: expected every key once, but ${JSON.stringify(repeated)} occurs twice`);
  }
  return value;
}

/** Whether `value` is an object, as opposed to an array, null, or a plain value. */
export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `value` as a message prints it: JSON, cut after 80 characters. */
export function describeJson(value: Json): string {
  const text = JSON.stringify(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}

function decodeUtf8(what: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new FileError(`${what}: expected UTF-8 text, received other bytes; the file is damaged`, { cause: error });
  }
}

function parseJsonText(what: string, text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FileError(`${what}: expected JSON (${reason}); the file is damaged or not what its name says`, {
      cause: error,
    });
  }
}

/** The first key that an object of the valid JSON `text` has twice. */
function repeatedKey(text: string): string | undefined {
  // One set of keys for each open object, undefined for each open array.
  const open: (Set<string> | undefined)[] = [];
  const token = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [found, colon] = match;
    if (found === "{") open.push(new Set());
    else if (found === "[") open.push(undefined);
    else if (found === "}" || found === "]") open.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(found.slice(0, -colon.length)) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}
