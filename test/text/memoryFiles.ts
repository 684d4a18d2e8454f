/** A model's folder in memory, for tests of what is missing or damaged. */

import type { FileSource } from "../../src/files.ts";

/** Strings are UTF-8 text, bytes are bytes, anything else is written as JSON. */
export function memoryFiles(content: Readonly<Record<string, unknown>>): FileSource {
  const bytes = new Map(
    Object.entries(content).map(([name, value]) => {
      if (value instanceof Uint8Array) return [name, value] as const;
      return [name, new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value))] as const;
    }),
  );
  const find = (file: string) => {
    const found = bytes.get(file);
    if (found === undefined) throw new Error(`${file} is not in memory`);
    return found;
  };
  return {
    name: "memory",
    list: async () => [...bytes.keys()],
    size: async (file) => find(file).length,
    read: async (file, start = 0, end) => find(file).slice(start, end),
  };
}

/** The files of a folder, with some replaced, added, or (undefined) taken away. */
export async function changedFiles(files: FileSource, changes: Readonly<Record<string, unknown>>): Promise<FileSource> {
  const content: Record<string, unknown> = {};
  for (const name of await files.list()) content[name] = await files.read(name);
  Object.assign(content, changes);
  return memoryFiles(Object.fromEntries(Object.entries(content).filter(([, value]) => value !== undefined)));
}
