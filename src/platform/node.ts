/** Files, for Node. `browser.ts` has the same functions for browsers; package.json maps one to the other. */

import { randomUUID } from "node:crypto";
import { access, mkdir, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FileError, OptionError } from "../errors.ts";
import { checkRange, type FileSource, listed, missingFile } from "../files.ts";
import { isLlama2cName } from "../model/checkpoint/llama2c.ts";
import { ifThere } from "./ifThere.ts";

/**
 * The files of a model's folder. A file is read in ranges through a handle that each read opens and closes.
 * @throws FileError when `path` is no folder, or has neither a `config.json` nor what may be a checkpoint of llama2.c.
 */
export async function openFolder(path: string): Promise<FileSource> {
  const info = await ifThere(() => stat(path));
  if (info === undefined) throw new FileError(`${path}: expected a model's folder, but there is nothing of that name`);
  if (!info.isDirectory()) {
    throw new FileError(`${path}: expected a model's folder, received a file; give the folder that it is in`);
  }
  const list = async () => {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
  };
  const present = await list();
  if (!present.includes("config.json") && !present.some(isLlama2cName)) {
    throw new FileError(
      `${path}: expected a Hugging Face model's folder (config.json, a tokenizer and weights), found ${listed(present)}`,
    );
  }
  return {
    name: path,
    list,
    size: async (file) => (await stat(await locate(path, file, list))).size,
    read: async (file, start = 0, end) => await readBytes(await locate(path, file, list), start, end),
  };
}

/**
 * Bytes `[start, end)` of a file, all of it by default, through a handle that is opened and closed.
 * @throws FileError when there is no such file, or the range does not lie inside it.
 */
export async function readBytes(path: string, start = 0, end?: number): Promise<Uint8Array<ArrayBuffer>> {
  const handle = await ifThere(() => open(path, "r"));
  if (handle === undefined) throw new FileError(`${path}: expected a file, but there is nothing of that name`);
  try {
    const [from, to] = checkRange(path, (await handle.stat()).size, start, end);
    const bytes = new Uint8Array(to - from);
    // One call reads at most 2 GiB on Linux, and may always read less than asked.
    for (let filled = 0; filled < bytes.byteLength; ) {
      const length = Math.min(bytes.byteLength - filled, 2 ** 30);
      const { bytesRead } = await handle.read(bytes, filled, length, from + filled);
      if (bytesRead === 0)
        throw new FileError(`${path}: expected ${bytes.byteLength} bytes, but it ended at ${filled}`);
      filled += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

/** Whether a file or folder of that name exists. */
export async function fileExists(path: string): Promise<boolean> {
  return (await ifThere(() => access(path).then(() => true))) ?? false;
}

/**
 * Writes a file that is either complete or not there: the bytes go into a file beside it, which is then renamed.
 * The folder is made if need be.
 * @throws OptionError when the file exists and `overwrite` is not set.
 */
export async function writeFileAtomically(
  path: string,
  bytes: Uint8Array | string,
  { overwrite = false }: { readonly overwrite?: boolean } = {},
): Promise<void> {
  if (!overwrite && (await fileExists(path))) {
    throw new OptionError(`${path}: expected a new file, but it exists; choose another name or ask for overwriting`);
  }
  await makeFolder(dirname(path));
  const beside = join(dirname(path), `.${basename(path)}.${randomUUID()}.part`);
  try {
    await writeFile(beside, bytes);
    await rename(beside, path);
  } finally {
    await rm(beside, { force: true });
  }
}

/**
 * Makes a folder and those that it is in, as far as they are not there. (Node's own recursive way never ends where a file system
 * says of a new folder that it does not exist, as /proc does.)
 */
export async function makeFolder(path: string): Promise<void> {
  const make = () => ifThere(() => mkdir(path).then(() => true), ["ENOENT"]);
  const isThere = async () => (await ifThere(() => stat(path)))?.isDirectory() ?? false;
  if (await isThere()) return;
  try {
    if (await make()) return;
    if (dirname(path) !== path) await makeFolder(dirname(path));
    await mkdir(path);
  } catch (error) {
    // Another process may have been faster.
    if (!(await isThere())) throw error;
  }
}

/** The path of a file directly inside `folder`. */
async function locate(folder: string, file: string, list: () => Promise<readonly string[]>): Promise<string> {
  if (basename(file) !== file || file === "." || file === "..") {
    throw new FileError(`${folder}: expected the name of a file inside it, received the path ${JSON.stringify(file)}`);
  }
  const path = join(folder, file);
  if (!(await fileExists(path))) throw missingFile(folder, file, await list());
  return path;
}
