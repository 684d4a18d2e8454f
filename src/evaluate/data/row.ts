/** The rows of a data file: one JSON object on each line, or one JSON list of objects. */

import { FileError } from "../../errors.ts";
import { describeJson, isJsonObject, type Json, type JsonObject } from "../../json.ts";
import type { Span } from "../../text/span.ts";
import { jsonErrorAt } from "./jsonPosition.ts";

/** A row, and how to say where it stands. */
export interface Row {
  readonly fields: JsonObject;
  /** Where in the file: `line 3`, or `row 3` of a list. */
  readonly name: string;
  /** The file, the line and the column, of a field where one is named. */
  readonly place: (field?: string) => string;
}

/** Does something with a row; what is wrong with it goes to whoever wants to know, and is thrown if nobody does. */
export type OfRow = <T>(make: () => T) => T[];

export function ofRow(onFault: ((fault: FileError) => void) | undefined): OfRow {
  return (make) => {
    try {
      return [make()];
    } catch (error) {
      if (onFault === undefined || !(error instanceof FileError)) throw error;
      onFault(error);
      return [];
    }
  };
}

/**
 * @param name how to call the file
 * @throws FileError where the text is no JSON or a row is no object, with line and column
 */
export function readRows(name: string, text: string, each: OfRow): Row[] {
  const content = text.replace(/^\uFEFF/, "");
  const rows = content.trimStart().startsWith("[") ? rowsOfList(name, content, each) : rowsOfLines(name, content, each);
  if (rows.length > 0) return rows;
  throw new FileError(`${name}: expected at least one row, found none`);
}

function rowsOfLines(file: string, text: string, each: OfRow): Row[] {
  return text.split(/\r?\n/).flatMap((line, i) => {
    if (line.trim() === "") return [];
    const name = `line ${i + 1}`;
    const place = (field?: string): string => {
      const at = field === undefined ? -1 : line.indexOf(`"${field}"`);
      return `${file}, ${name}${at < 0 ? "" : `, column ${at + 1}`}`;
    };
    const where = (at: number): string => `${file}, ${name}, column ${at + 1}`;
    return each(() => ({ fields: objectOf(parse(line, where), place()), name, place }));
  });
}

function rowsOfList(file: string, text: string, each: OfRow): Row[] {
  const where = (at: number): string => {
    const before = text.slice(0, at).split("\n");
    return `${file}, line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
  };
  const list = parse(text, where);
  if (!Array.isArray(list)) throw new FileError(`${file}: expected a list of objects, received ${describeJson(list)}`);
  return list.flatMap((fields: Json, i) => {
    const name = `row ${i + 1}`;
    const place = (field?: string): string => `${file}, ${name}${field === undefined ? "" : `, field "${field}"`}`;
    return each(() => ({ fields: objectOf(fields, place()), name, place }));
  });
}

function parse(text: string, where: (at: number) => string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    const at = jsonErrorAt(text);
    const found = at >= text.length ? "the end" : JSON.stringify(text.slice(at, at + 12));
    throw new FileError(`${where(at)}: expected JSON, received ${found}`, { cause });
  }
}

function objectOf(value: Json, where: string): JsonObject {
  if (isJsonObject(value)) return value;
  throw new FileError(`${where}: expected an object { ... }, received ${describeJson(value)}`);
}

/** @throws FileError when the field is not there or no text */
export function textOf({ fields, place }: Row, field: string): string {
  const value = fields[field];
  if (typeof value === "string" && value !== "") return value;
  const found = value === undefined ? `only ${Object.keys(fields).join(", ") || "nothing"}` : describeJson(value);
  throw new FileError(`${place(field)}: expected a text as "${field}", received ${found}`);
}

/**
 * Spans in code points, as Python counts characters, as spans of our strings.
 * @throws FileError when the field is no list of spans inside the text
 */
export function spansOf({ fields, place }: Row, field: string, text: string): readonly Span[] {
  const value = fields[field] ?? null;
  const characters = [...text];
  const isSpan = (span: Json): span is readonly [number, number] => {
    if (!Array.isArray(span) || span.length !== 2) return false;
    const [start, end] = span as readonly Json[];
    const whole = [start, end].every(Number.isInteger);
    return (
      whole && (start as number) >= 0 && (start as number) < (end as number) && (end as number) <= characters.length
    );
  };
  const units = (count: number): number => characters.slice(0, count).join("").length;
  if (Array.isArray(value) && value.length > 0 && value.every(isSpan)) {
    return value.map(([start, end]): Span => [units(start), units(end)]);
  }
  const wrong = Array.isArray(value) ? (value.find((span) => !isSpan(span)) ?? value) : value;
  throw new FileError(
    `${place(field)}: expected "${field}" as spans [[start, end), ...] inside the ${characters.length} characters of the text, ` +
      `received ${describeJson(wrong)}`,
  );
}
