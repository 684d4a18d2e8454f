/** A tokenizer's JSON, whose content is not trusted: each accessor says where it looked and what it found. */

import { FileError } from "../errors.ts";
import type { FileSource } from "../files.ts";
import { describeJson, isJsonObject, type Json, type JsonObject, parseJson } from "../json.ts";

/**
 * The object in a JSON file.
 * @throws FileError when the file is not UTF-8 JSON or holds something else than an object.
 */
export async function readJsonObject(files: FileSource, file: string): Promise<JsonObject> {
  const where = `${file} in ${files.name}`;
  return asObject(parseJson(where, await files.read(file)), where);
}

/** As `readJsonObject`, or undefined when there is no such file. */
export async function readOptionalJsonObject(files: FileSource, file: string): Promise<JsonObject | undefined> {
  return (await files.list()).includes(file) ? readJsonObject(files, file) : undefined;
}

export function asObject(value: Json | undefined, where: string): JsonObject {
  if (isJsonObject(value)) return value;
  throw expected("an object", value, where);
}

export function asArray(value: Json | undefined, where: string): readonly Json[] {
  if (isArray(value)) return value;
  throw expected("a list", value, where);
}

export function asString(value: Json | undefined, where: string): string {
  if (typeof value === "string") return value;
  throw expected("a string", value, where);
}

/** A token's id: a whole number that is not negative. */
export function asId(value: Json | undefined, where: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw expected("a token id", value, where);
}

export function asNumber(value: Json | undefined, where: string): number {
  if (typeof value === "number") return value;
  throw expected("a number", value, where);
}

/** A boolean that may be left out or null. */
export function asFlag(value: Json | undefined, where: string, otherwise: boolean): boolean {
  if (value === undefined || value === null) return otherwise;
  if (typeof value === "boolean") return value;
  throw expected("true or false", value, where);
}

/** A string that may be left out or null. */
export function asOptionalString(value: Json | undefined, where: string): string | undefined {
  return value === undefined || value === null ? undefined : asString(value, where);
}

export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** A vocabulary `{ token: id }`. */
export function asVocabulary(value: Json | undefined, where: string): Map<string, number> {
  const entries = Object.entries(asObject(value, where));
  return new Map(entries.map(([token, id]) => [token, asId(id, `${where}[${JSON.stringify(token)}]`)]));
}

function expected(what: string, value: Json | undefined, where: string): FileError {
  const received = value === undefined ? "nothing" : describeJson(value);
  return new FileError(`${where}: expected ${what}, received ${received}; get the file again`);
}
