/**
 * `config.json`, read strictly: what an architecture does not implement is refused by name.
 *
 * An architecture declares its attributes once:
 *
 *     const config = strictConfig(raw, {
 *       model: "gpt2",
 *       fields: {
 *         width: size(["n_embd", "hidden_size"], 768),
 *         inner: orNull(size("n_inner")),
 *         activation: choice("activation_function", ["gelu_new", "relu"], "gelu_new"),
 *       },
 *       ignored: ["n_ctx", "summary_*"],
 *       onlyIf: { reorder_and_upcast_attn: [false] },
 *     });
 *
 * and gets `{ width: number, inner: number | null, activation: "gelu_new" | "relu" }`.
 */

import { ConfigError } from "../errors.ts";
import { type FileSource, missingFile } from "../files.ts";
import { describeJson, type Json, type JsonObject, parseJsonObject } from "../json.ts";
import { suggestion } from "../names.ts";
import { generationAttributes, harmless, harmlessOnlyIf } from "./configAttributes.ts";
import type { Field } from "./configField.ts";

export interface ConfigSpec<Values> {
  /** The model type, for messages. */
  readonly model: string;
  /** What is read: the result has the same keys. */
  readonly fields: { readonly [Key in keyof Values]: Field<Values[Key]> };
  /** Attributes that do not change what this architecture computes. A final `*` stands for any ending. */
  readonly ignored?: readonly string[];
  /** Attributes accepted only with the listed values. */
  readonly onlyIf?: { readonly [attribute: string]: readonly Json[] };
}

/**
 * `config.json` as it stands.
 * @throws FileError when the file is absent or is no JSON object.
 */
export async function readConfig(files: FileSource): Promise<JsonObject> {
  const present = await files.list();
  if (!present.includes("config.json")) throw missingFile(files.name, "config.json", present);
  return parseJsonObject(`${files.name}/config.json`, await files.read("config.json"));
}

/**
 * The values of `spec.fields`. Attributes that are null ask for nothing, so an unknown one is refused only when it is not.
 * @throws ConfigError listing every attribute that is missing, has an unacceptable value, contradicts its alias, or is
 *   not implemented.
 */
export function strictConfig<Values>(raw: JsonObject, spec: ConfigSpec<Values>): Values {
  const problems: string[] = [];
  const fields = Object.entries(spec.fields) as [keyof Values, Field<Values[keyof Values]>][];
  const values: Partial<Values> = {};
  for (const [key, field] of fields) {
    const value = readField(raw, field, problems);
    if (value !== undefined) values[key] = value;
  }
  const read = new Set(fields.flatMap(([, field]) => field.names));
  const conditions = { ...harmlessOnlyIf, ...spec.onlyIf };
  for (const [name, value] of Object.entries(raw)) {
    if (read.has(name) || value === null) continue;
    const allowed = Object.hasOwn(conditions, name) ? conditions[name] : undefined;
    if (allowed !== undefined) {
      if (!allowed.some((candidate) => equal(candidate, value))) problems.push(refusal(name, value, allowed));
    } else if (!isIgnored(name, spec.ignored ?? [])) {
      problems.push(`${name}: ${describeJson(value)} is not implemented${suggestion(name, [...read])}`);
    }
  }
  if (problems.length === 0) return values as Values;
  throw new ConfigError(
    `config.json of a ${spec.model} model: expected only what is implemented, received ${problems.length} ` +
      `attribute${problems.length === 1 ? "" : "s"} that cannot be followed:\n${problems.map((line) => `  ${line}`).join("\n")}`,
  );
}

function readField<Value>(raw: JsonObject, field: Field<Value>, problems: string[]): Value | undefined {
  const given = field.names.filter((name) => Object.hasOwn(raw, name));
  const [name = field.names[0] ?? "", ...aliases] = given;
  const value = raw[name];
  for (const alias of aliases) {
    if (equal(raw[alias] ?? null, value ?? null)) continue;
    problems.push(
      `${name}: ${describeJson(value ?? null)} contradicts its other name ${alias}: ${describeJson(raw[alias] ?? null)}`,
    );
  }
  if (value === undefined) {
    if (field.fallback === undefined) problems.push(`${name}: expected ${field.expected}, but it is missing`);
    return field.fallback;
  }
  const accepted = field.accept(value);
  if (accepted === undefined) problems.push(`${name}: expected ${field.expected}, received ${describeJson(value)}`);
  return accepted;
}

function isIgnored(name: string, ignored: readonly string[]): boolean {
  if (harmless.includes(name) || generationAttributes.includes(name) || ignored.includes(name)) return true;
  return ignored.some((pattern) => pattern.endsWith("*") && name.startsWith(pattern.slice(0, -1)));
}

function refusal(name: string, value: Json, allowed: readonly Json[]): string {
  const only = allowed.map((candidate) => describeJson(candidate)).join(" or ");
  return `${name}: only ${only} is implemented, received ${describeJson(value)}`;
}

/** Equality of JSON values; the order of an object's keys does not count. */
function equal(a: Json, b: Json): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  if (left.size !== right.size) return false;
  return [...left].every(([key, value]) => {
    const other = right.get(key);
    return other !== undefined && equal(value, other);
  });
}
