/**
 * Fields of a config: under which names `config.json` has an attribute, what it may be, and the published default.
 *
 * `size(["n_embd", "hidden_size"], 768)` reads a positive integer. A field without a default must be present.
 * `null` is accepted only by fields made with `orNull`.
 */

import type { Json } from "../json.ts";

export interface Field<Value> {
  /** Names of the attribute in `config.json`; those after the first are aliases. */
  readonly names: readonly string[];
  /** What the value has to be, as a message says it. */
  readonly expected: string;
  /** The value when it is acceptable, else undefined. */
  readonly accept: (value: Json) => Value | undefined;
  /** The value when the attribute is absent; undefined when it must be present. */
  readonly fallback: Value | undefined;
}

/** What a set of fields reads. */
export type FieldValues<Fields> = {
  readonly [Key in keyof Fields]: Fields[Key] extends Field<infer Value> ? Value : never;
};

type Names = string | readonly string[];

/** A count that cannot be zero: widths, heads, layers, vocabulary. */
export function size(names: Names, fallback?: number): Field<number> {
  const accept = (value: Json) => (isInteger(value) && value >= 1 ? value : undefined);
  return field(names, "a positive integer", accept, fallback);
}

/** A count that may be zero. */
export function count(names: Names, fallback?: number): Field<number> {
  return field(names, "an integer from 0", (value) => (isInteger(value) && value >= 0 ? value : undefined), fallback);
}

/** Any number, for instance an epsilon. */
export function number(names: Names, fallback?: number): Field<number> {
  return field(names, "a number", (value) => (typeof value === "number" ? value : undefined), fallback);
}

/** True or false. */
export function flag(names: Names, fallback?: boolean): Field<boolean> {
  return field(names, "true or false", (value) => (typeof value === "boolean" ? value : undefined), fallback);
}

/** Any string. */
export function text(names: Names, fallback?: string): Field<string> {
  return field(names, "a string", (value) => (typeof value === "string" ? value : undefined), fallback);
}

/** One of the strings that are implemented. */
export function choice<const Choice extends string>(
  names: Names,
  choices: readonly Choice[],
  fallback?: NoInfer<Choice>,
): Field<Choice> {
  const quoted = choices.map((name) => JSON.stringify(name)).join(", ");
  return field(names, `one of ${quoted}`, (value) => choices.find((name) => name === value), fallback);
}

/** The id of a token. */
export function tokenId(names: Names, fallback?: number): Field<number> {
  const accept = (value: Json) => (isInteger(value) && value >= 0 ? value : undefined);
  return field(names, "a token id (an integer from 0)", accept, fallback);
}

/** The ids of one or several tokens; a single number in the file becomes a list of one. */
export function tokenIds(names: Names, fallback?: readonly number[]): Field<readonly number[]> {
  const accept = (value: Json): readonly number[] | undefined => {
    const ids = typeof value === "number" ? [value] : value;
    const ok = Array.isArray(ids) && ids.length > 0 && ids.every((id) => isInteger(id) && id >= 0);
    return ok ? (ids as readonly number[]) : undefined;
  };
  return field(names, "a token id or a list of token ids", accept, fallback);
}

/** Any JSON value except null, read further by the architecture, for instance `rope_scaling`. */
export function json(names: Names, fallback?: Json): Field<Json> {
  return field(names, "a value", (value) => (value === null ? undefined : value), fallback);
}

/** A field that may also be null, which is its default unless another is given. */
export function orNull<Value>(inner: Field<Value>): Field<Value | null> {
  return {
    ...inner,
    expected: `${inner.expected} or null`,
    accept: (value) => (value === null ? null : inner.accept(value)),
    fallback: inner.fallback === undefined ? null : inner.fallback,
  };
}

function field<Value>(
  names: Names,
  expected: string,
  accept: (value: Json) => Value | undefined,
  fallback: Value | undefined,
): Field<Value> {
  return { names: typeof names === "string" ? [names] : names, expected, accept, fallback };
}

function isInteger(value: Json): value is number {
  return typeof value === "number" && Number.isSafeInteger(value);
}
