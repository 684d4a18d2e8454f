/** Finding a tensor's entry in a file's table by its name. */

import { FileError } from "../../errors.ts";
import { suggestion } from "../../names.ts";

/**
 * The entry of tensor `name`.
 * @throws FileError when there is none, naming the nearest tensor.
 */
export function findTensor<Entry>(description: string, entries: ReadonlyMap<string, Entry>, name: string): Entry {
  const entry = entries.get(name);
  if (entry !== undefined) return entry;
  throw new FileError(
    `${description}: expected a tensor ${name}, but it has none${suggestion(name, [...entries.keys()])}`,
  );
}
