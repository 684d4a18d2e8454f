/** The names of files that a command writes. */

import { stat } from "node:fs/promises";
import { OptionError } from "../errors.ts";
import { longName } from "./optionTable.ts";

/**
 * Checks the names of files before the work is done that they are for.
 * @throws OptionError for a name that is a folder's, or one that two files would share
 */
export async function checkOutputPaths(paths: Readonly<Record<string, string | undefined>>): Promise<void> {
  const taken = new Map<string, string>();
  for (const [option, path] of Object.entries(paths)) {
    if (path === undefined) continue;
    const problem = (received: string) =>
      new OptionError(`${longName(option)}: expected a file's name, received ${received}`);
    if (path === "" || path.endsWith("/")) throw problem(`"${path}"`);
    if (await isFolder(path)) throw problem(`the folder "${path}"`);
    const other = taken.get(path);
    if (other !== undefined) throw problem(`"${path}", which is that of ${longName(other)} as well`);
    taken.set(path, option);
  }
}

async function isFolder(path: string): Promise<boolean> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
    throw error;
  });
  return info?.isDirectory() ?? false;
}
