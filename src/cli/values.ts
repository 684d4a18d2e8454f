/** The values of options from what was written, by kind. */

import { OptionError } from "../errors.ts";
import { knownName } from "../names.ts";
import { longName, type OptionDeclaration, type OptionValue } from "./optionTable.ts";

/**
 * The value of one option; `previous` is what a list has so far.
 * @throws OptionError when the text does not say such a value
 */
export function optionValue(
  name: string,
  declaration: OptionDeclaration,
  written: string,
  previous: OptionValue | undefined,
): OptionValue {
  const option = longName(name);
  if (declaration.choices) knownName(declaration.choices.of, written, declaration.choices.names());
  switch (declaration.kind) {
    case "flag":
      return flagOf(option, written);
    case "text":
      return written;
    case "integer":
      return integerOf(option, written);
    case "number":
      return numberOf(option, written);
    case "bytes":
      return bytesOf(option, written);
    case "texts":
      return [...listOf<string>(previous), written];
    case "integers":
      return [...listOf<number>(previous), integerOf(option, written)];
    case "record":
      return recordOf(option, written);
    default:
      throw declaration.kind satisfies never;
  }
}

function listOf<Item>(previous: OptionValue | undefined): readonly Item[] {
  return Array.isArray(previous) ? (previous as readonly Item[]) : [];
}

function flagOf(option: string, written: string): boolean {
  const word = written.toLowerCase();
  if (["yes", "true", "t", "y", "1"].includes(word)) return true;
  if (["no", "false", "f", "n", "0"].includes(word)) return false;
  throw new OptionError(`${option}: expected yes, true, t, y, 1 or no, false, f, n, 0, received "${written}"`);
}

/** What Python's int() reads. */
function integerOf(option: string, written: string): number {
  if (/^\s*[+-]?\d+(_\d+)*\s*$/.test(written)) return Number(written.replaceAll("_", ""));
  throw new OptionError(`${option}: expected a whole number, received "${written}"`);
}

/** What Python's float() reads, but for infinities and NaN. */
function numberOf(option: string, written: string): number {
  const value = Number(written.trim() === "" ? Number.NaN : written.replaceAll("_", ""));
  if (Number.isFinite(value)) return value;
  throw new OptionError(`${option}: expected a number, received "${written}"`);
}

const powerOf1024: Readonly<Record<string, number>> = { "": 0, k: 1, m: 2, g: 3 };

function bytesOf(option: string, written: string): number {
  const [, digits, letter = ""] = /^\s*(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?\s*$/i.exec(written) ?? [];
  const bytes = Math.floor(Number(digits) * 1024 ** (powerOf1024[letter.toLowerCase()] ?? 0));
  if (bytes > 0) return bytes;
  throw new OptionError(`${option}: expected a number of bytes such as 512M or 2G, received "${written}"`);
}

function recordOf(option: string, written: string): Readonly<Record<string, unknown>> {
  const expected = `${option}: expected a JSON object such as '{"n_steps": 50}'`;
  let value: unknown;
  try {
    value = JSON.parse(written);
  } catch (error) {
    throw new OptionError(`${expected}, received ${written} (${(error as Error).message})`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new OptionError(`${expected}, received ${written}`);
}
