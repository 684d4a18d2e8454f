/** Finding a name in a list, and saying what the user may have meant when it is not there. */

import { closest, distance } from "fastest-levenshtein";
import { OptionError } from "./errors.ts";

/** `"; did you mean "steps"?"`, or nothing when no known name is near. */
export function suggestion(name: string, known: readonly string[]): string {
  if (known.length === 0) return "";
  const nearest = closest(name, [...known]);
  const near = distance(name, nearest) <= Math.max(2, Math.floor(name.length / 3));
  return near ? `; did you mean "${nearest}"?` : "";
}

/**
 * The member of `known` that equals `name`.
 * @throws OptionError naming the nearest known name, and all of them.
 */
export function knownName<Name extends string>(kind: string, name: string, known: readonly Name[]): Name {
  const found = known.find((candidate) => candidate === name);
  if (found !== undefined) return found;
  throw new OptionError(`unknown ${kind} "${name}"${suggestion(name, known)} (known: ${known.join(", ")})`);
}

/**
 * Checks that `options` has no key outside `known`.
 * @throws OptionError for the first unknown key, naming the nearest known one.
 */
export function rejectUnknownOptions(where: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const all = known.length > 0 ? ` (known: ${known.join(", ")})` : " (it takes no options)";
    throw new OptionError(`${where}: unknown option "${key}"${suggestion(key, known)}${all}`);
  }
}
