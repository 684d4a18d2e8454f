/** Where a model's files come from: a folder, a set of browser files, a server. All readers see only this. */

import { FileError } from "./errors.ts";

/** Where the files of a model come from. */
export interface FileSource {
  /** How to call this place in a message and in the result's info, for instance the folder's path. */
  readonly name: string;
  /** Names of the files directly inside, without any path. */
  list(): Promise<readonly string[]>;
  /** Size in bytes. */
  size(file: string): Promise<number>;
  /** Bytes `[start, end)` of a file, all of it by default, in memory of their own: the caller may keep or change them. */
  read(file: string, start?: number, end?: number): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * Files that are in memory already: what a browser user dropped on a page, or what a test made up.
 * Reading throws FileError for a file that is not there and for a range outside the file.
 */
export function filesFromMemory(name: string, contents: Readonly<Record<string, Uint8Array>>): FileSource {
  const files = new Map(Object.entries(contents));
  const find = (file: string): Uint8Array => {
    const bytes = files.get(file);
    if (bytes === undefined) throw missingFile(name, file, [...files.keys()]);
    return bytes;
  };
  return {
    name,
    list: async () => [...files.keys()],
    size: async (file) => find(file).byteLength,
    read: async (file, start = 0, end) => {
      const bytes = find(file);
      const [from, to] = checkRange(`${name}/${file}`, bytes.byteLength, start, end);
      return new Uint8Array(bytes.subarray(from, to));
    },
  };
}

/** The error for a file that a place does not hold. */
export function missingFile(place: string, file: string, present: readonly string[]): FileError {
  return new FileError(`${place}: expected a file ${file}, found ${listed(present)}`);
}

/** How many names are told of a folder that may be any. */
const MOST_LISTED = 20;

/** What a place holds, in words for a message. */
export function listed(names: readonly string[]): string {
  if (names.length === 0) return "no files";
  const more = names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} others` : "";
  return `${[...names].sort().slice(0, MOST_LISTED).join(", ")}${more}`;
}

/**
 * The range `[start, end)` of a file of `size` bytes, `end` being the file's end by default.
 * @throws FileError when the range does not lie inside the file.
 */
export function checkRange(what: string, size: number, start: number, end: number = size): readonly [number, number] {
  if (start >= 0 && start <= end && end <= size) return [start, end];
  throw new FileError(
    `${what}: expected at least ${end} bytes to read the range [${start}, ${end}), received ${size}; ` +
      "the file is truncated or its header is wrong",
  );
}

/** Whether `file` is a file's name and nothing else: a path could lead out of the model's folder. */
export function isPlainName(file: unknown): file is string {
  return typeof file === "string" && /^[^/\\:\0]+$/.test(file) && file !== "." && file !== "..";
}
