/**
 * The lines of a shard's result file. Every line is a JSON object and ends with a digest of itself, so that a line that was
 * cut short, or that the disk lost, is known for what it is:
 *
 *     {"run":{...},"shard":0,"shards":4,...}          what was asked, first
 *     {"result":{...},"row":12,...}                   a whole result file of Inseq's, of one row
 *     {"error":"...","row":13,...}                    a row that could not be attributed
 *     {"end":{"attributed":24,"failed":1},...}        last, once every row is there
 */

import { createHash } from "node:crypto";
import { FileError } from "../../errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import { formatPythonJson, parsePythonJson } from "../../result/pythonJson.ts";
import type { Shard } from "./shard.ts";

/** What all shards of a run have in common: whatever decides the results. Compared as a whole. */
export type Run = JsonObject;

export interface Header extends Shard {
  readonly run: Run;
}

export type RowRecord =
  | { readonly row: number; readonly result: Json }
  | { readonly row: number; readonly error: string };

export interface End {
  readonly attributed: number;
  readonly failed: number;
}

/** Changes when the lines mean something else. */
export const FORMAT = 1;

const SEALED = /,"sha256":"([0-9a-f]{32})"\}$/;

/** A line, its newline included. */
export function sealed(fields: Json): string {
  const text = formatPythonJson(fields, { compact: true });
  return `${text.slice(0, -1)},"sha256":"${digest(text.slice(0, -1))}"}\n`;
}

/** The text of a line if it is whole, otherwise undefined. */
export function unsealed(bytes: Buffer): string | undefined {
  const text = bytes.toString("latin1");
  const found = SEALED.exec(text);
  if (found === null) return undefined;
  const content = text.slice(0, found.index);
  return digest(content) === found[1] ? `${content}}` : undefined;
}

/** Lines are ASCII: Python's way of writing JSON escapes everything else. */
function digest(text: string): string {
  return createHash("sha256").update(text, "latin1").digest("hex").slice(0, 32);
}

export function headerLine({ run, index, count }: Header): string {
  return sealed({ attribute_dataset: FORMAT, run, shard: index, shards: count });
}

export function recordLine(record: RowRecord): string {
  return sealed(record);
}

export function endLine({ attributed, failed }: End): string {
  return sealed({ end: { attributed, failed } });
}

/**
 * The header in the text of a line.
 * @throws FileError when it is something else
 */
export function readHeader(text: string, path: string): Header {
  const fields = parsePythonJson(text, path);
  if (isJsonObject(fields) && fields.attribute_dataset === FORMAT) {
    const { run, shard: index, shards: count } = fields;
    if (isJsonObject(run) && typeof index === "number" && typeof count === "number") return { run, index, count };
  }
  throw new FileError(
    `${path}: expected results of inseq attribute-dataset (format ${FORMAT}) in the first line, received ${text.slice(0, 60)}`,
  );
}

/** What kind of line it is, without reading all of it: keys are sorted, and `row` follows a result that may be long. */
export type LineKind =
  | { readonly kind: "row"; readonly row: number; readonly failed: boolean }
  | ({ readonly kind: "end" } & End)
  | { readonly kind: "other" };

export function lineKind(text: string): LineKind {
  const [, attributed, missed] = /^\{"end":\{"attributed":(\d+),"failed":(\d+)\}\}$/.exec(text) ?? [];
  if (attributed !== undefined) return { kind: "end", attributed: Number(attributed), failed: Number(missed) };
  const [, row] = /,"row":(\d+)\}$/.exec(text.slice(-40)) ?? [];
  if (row === undefined) return { kind: "other" };
  if (text.startsWith('{"result":')) return { kind: "row", row: Number(row), failed: false };
  if (text.startsWith('{"error":')) return { kind: "row", row: Number(row), failed: true };
  return { kind: "other" };
}

/** The record in the text of a row's line. */
export function readRecord(text: string, path: string): RowRecord {
  const fields = parsePythonJson(text, path);
  if (isJsonObject(fields) && typeof fields.row === "number") {
    const { row, result, error } = fields;
    if (typeof error === "string") return { row, error };
    if (result !== undefined) return { row, result };
  }
  throw new FileError(`${path}: expected the result of a row, received ${text.slice(0, 60)}`);
}
