/** Reading JSON files whose content is not trusted: each accessor says where it looked and what it found. */

import { FileError } from "../errors.ts";
import type { FileSource } from "../model/files.ts";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/**
 * The object in a JSON file.
 * @throws FileError when the file is not UTF-8 JSON or holds something else than an object.
 */
export async function readJsonObject(files: FileSource, file: string): Promise<JsonObject> {
  const where = `${file} in ${files.name}`;
  const bytes = await files.read(file);
  return asObject(parseJson(bytes, where), where);
}

/** As `readJsonObject`, or undefined when there is no such file. */
export async function readOptionalJsonObject(files: FileSource, file: string): Promise<JsonObject | undefined> {
  return (await files.list()).includes(file) ? readJsonObject(files, file) : undefined;
}

export function asObject(value: Json | undefined, where: string): JsonObject {
  if (isObject(value)) return value;
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

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !isArray(value);
}

export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** A vocabulary `{ token: id }`. */
export function asVocabulary(value: Json | undefined, where: string): Map<string, number> {
  const entries = Object.entries(asObject(value, where));
  return new Map(entries.map(([token, id]) => [token, asId(id, `${where}[${JSON.stringify(token)}]`)]));
}

function parseJson(bytes: Uint8Array, where: string): Json {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new FileError(
      `${where}: expected JSON in UTF-8, but it cannot be read (${describe(cause)}); get the file again`,
      {
        cause,
      },
    );
  }
}

function expected(what: string, value: Json | undefined, where: string): FileError {
  const received = value === undefined ? "nothing" : JSON.stringify(value).slice(0, 80);
  return new FileError(`${where}: expected ${what}, received ${received}; get the file again`);
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
