/** The files that a command writes: whether they can be written, and what is said when they cannot. */

import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { FileError, OptionError } from "../errors.ts";
import { ifThere } from "../platform/ifThere.ts";
import { makeFolder } from "../platform/node.ts";
import { longName } from "./optionTable.ts";

/**
 * Checks the names of files before the work is done that they are for, and makes the folders that they go into.
 * @throws OptionError for a name that is a folder's or a device's, one that two files would share, or one in a folder that
 * cannot be written
 */
export async function checkOutputPaths(paths: Readonly<Record<string, string | undefined>>): Promise<void> {
  const taken = new Map<string, string>();
  for (const [option, path] of Object.entries(paths)) {
    if (path === undefined) continue;
    const problem = (received: string) =>
      new OptionError(`${longName(option)}: expected a file's name, received ${received}`);
    if (path === "" || path.endsWith("/")) throw problem(`"${path}"`);
    const there = await ifThere(() => stat(path));
    if (there?.isDirectory()) throw problem(`the folder "${path}"`);
    // A finished file takes the place of what has its name: that must not be /dev/null.
    if (there !== undefined && !there.isFile()) throw problem(`"${path}", which is a device; leave the option out`);
    const other = taken.get(path);
    if (other !== undefined) throw problem(`"${path}", which is that of ${longName(other)} as well`);
    taken.set(path, option);
    await checkWritable(option, path);
  }
}

async function checkWritable(option: string, path: string): Promise<void> {
  try {
    await makeFolder(dirname(path));
    await access(dirname(path), constants.W_OK);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OptionError(
      `${longName(option)}: expected a file in a folder that can be written, received "${path}" (${reason})`,
      { cause },
    );
  }
}

/**
 * Does a step that writes results.
 * @param goOn how the work goes on behind what is written, when there is room again
 * @throws FileError when something cannot be written, saying what to do
 */
export async function writing<Result>(
  path: string,
  step: () => Result | Promise<Result>,
  goOn = "go on with --resume",
): Promise<Result> {
  try {
    return await step();
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") {
      throw new FileError(
        `${path}: expected space for the results, but there is none (${code}); what was written before is whole: make room, then ${goOn}`,
        { cause },
      );
    }
    if (["EACCES", "EPERM", "EROFS", "ENOTDIR", "ENOENT", "EEXIST", "EISDIR"].includes(code)) {
      throw new FileError(`${path}: expected a place that can be written (${code}); choose another --save_path`, {
        cause,
      });
    }
    throw cause;
  }
}
