/**
 * JSON as Python's `json` module reads and writes it: RFC 8259 plus the numbers `NaN`, `Infinity` and `-Infinity`, which
 * `JSON.parse` refuses. Written with an indent of 4, sorted keys and ASCII only.
 */

import { FileError } from "../errors.ts";
import type { Json } from "./attribution.ts";

/** No result nests deeper; a file that does would exhaust the stack. */
const deepest = 200;

/**
 * The value of a JSON text.
 * @throws FileError naming `where` and the place of the first fault.
 */
export function parsePythonJson(text: string, where: string): Json {
  let at = 0;
  const fail = (expected: string) => {
    const line = text.slice(0, at).split("\n").length;
    const received = at < text.length ? JSON.stringify(text.slice(at, at + 20)) : "the end of the file";
    return new FileError(`${where}: expected ${expected} at line ${line}, received ${received}; the file is damaged`);
  };
  const skipSpace = () => {
    while (" \t\n\r".includes(text.charAt(at)) && at < text.length) at++;
  };
  const accept = (mark: string) => {
    if (!text.startsWith(mark, at)) return false;
    at += mark.length;
    return true;
  };
  const string = (): string => {
    const start = at;
    if (!accept('"')) throw fail("a string");
    let end = text.indexOf('"', at);
    while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
    if (end < 0) throw fail("a closing quote");
    const inner = text.slice(start + 1, end);
    at = end + 1;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a raw control character is exactly what is looked for
    if (!/[\\\u0000-\u001f]/.test(inner)) return inner;
    try {
      return String(JSON.parse(text.slice(start, at)));
    } catch {
      at = start;
      throw fail("a string with valid escapes");
    }
  };
  const members = <Member>(close: string, depth: number, member: () => Member): Member[] => {
    if (depth > deepest) throw fail(`at most ${deepest} levels`);
    const list: Member[] = [];
    skipSpace();
    if (accept(close)) return list;
    do {
      skipSpace();
      list.push(member());
      skipSpace();
    } while (accept(","));
    if (!accept(close)) throw fail(`"," or "${close}"`);
    return list;
  };
  const value = (depth: number): Json => {
    skipSpace();
    if (text.charAt(at) === '"') return string();
    if (accept("[")) return members("]", depth + 1, () => value(depth + 1));
    if (accept("{")) {
      const entries = members("}", depth + 1, () => {
        const key = string();
        skipSpace();
        if (!accept(":")) throw fail('":"');
        return [key, value(depth + 1)] as const;
      });
      return Object.fromEntries(entries);
    }
    for (const [literal, meaning] of literals) if (accept(literal)) return meaning;
    const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
    number.lastIndex = at;
    const digits = number.exec(text)?.[0];
    if (digits === undefined) throw fail("a value");
    at += digits.length;
    return Number(digits);
  };
  const result = value(0);
  skipSpace();
  if (at < text.length) throw fail("the end of the file");
  return result;
}

/** The text of a value; `compact` writes it on one line, without spaces. */
export function formatPythonJson(value: Json, { compact = false }: { readonly compact?: boolean } = {}): string {
  return formatted(value, compact ? "" : "\n");
}

const literals: readonly (readonly [string, Json])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
];

/** An odd number of backslashes stands before the quote. */
function isEscaped(text: string, quote: number): boolean {
  let first = quote;
  while (text.charAt(first - 1) === "\\") first--;
  return (quote - first) % 2 === 1;
}

function formatted(value: Json, newline: string): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") return Object.is(value, -0) ? "-0.0" : String(value);
  if (typeof value === "string") return quoted(value);
  const inner = newline && `${newline}    `;
  const colon = newline === "" ? ":" : ": ";
  if (isList(value)) {
    if (value.length === 0) return "[]";
    return `[${inner}${value.map((item) => formatted(item, inner)).join(`,${inner}`)}${newline}]`;
  }
  const keys = Object.keys(value).sort();
  if (keys.length === 0) return "{}";
  const members = keys.map((key) => `${quoted(key)}${colon}${formatted(value[key] ?? null, inner)}`);
  return `{${inner}${members.join(`,${inner}`)}${newline}}`;
}

function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
