/**
 * The cache folder of Python's `huggingface_hub`, one folder for each repository (`datasets--org--name` of a data set):
 *
 *     models--org--name/refs/main                          the commit that a branch stood for when last asked
 *     models--org--name/blobs/<hash>                       contents; <hash>.incomplete while they arrive
 *     models--org--name/snapshots/<commit>/<file>          links to the contents
 *     .locks/models--org--name/<hash>.lock
 *     datasets--org--name/listings/<commit>.json           ours: the names of all files, so that none is missed without the hub
 */

import { lstat, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { FileError } from "../../errors.ts";
import { parseJson } from "../../json.ts";
import { type HubFile, isCommitHash, type Repository } from "../../model/hub/repository.ts";
import { ifThere } from "../ifThere.ts";
import { makeFolder, writeFileAtomically } from "../node.ts";

export interface RepositoryCache {
  /** The commit of a revision when it was last asked for; a commit is its own. */
  commitOf(revision: string): Promise<string | undefined>;
  remember(revision: string, commit: string): Promise<void>;
  /** Files of a commit that are there, whole ones only. */
  snapshotFiles(commit: string): Promise<readonly string[]>;
  /** All files that a commit has, when that was remembered. */
  listing(commit: string): Promise<readonly string[] | undefined>;
  rememberListing(commit: string, files: readonly string[]): Promise<void>;
  pathOf(commit: string, file: string): string;
  /** Whether the file is there with its whole content; links it when only its content is. */
  holds(commit: string, file: HubFile): Promise<boolean>;
  /** Makes a finished partial file the content of `file`. */
  adopt(partial: string, commit: string, file: HubFile): Promise<void>;
  partialPath(file: HubFile, suffix: string): string;
  lockPath(file: HubFile): string;
}

export function openRepositoryCache(cache: string, { kind, name }: Repository): RepositoryCache {
  const folderName = `${kind}s--${name.replace("/", "--")}`;
  const folder = join(cache, folderName);
  const blobPath = (file: HubFile) => join(folder, "blobs", file.hash);
  const pathOf = (commit: string, file: string) => join(folder, "snapshots", commit, file);
  const listingPath = (commit: string) => join(folder, "listings", `${commit}.json`);
  const link = async (commit: string, file: HubFile) => {
    const path = pathOf(commit, file.name);
    await makeFolder(dirname(path));
    await rm(path, { force: true });
    const target = blobPath(file);
    try {
      await symlink(relative(dirname(path), target), path);
    } catch (error) {
      // Windows forbids links to ordinary users: there Python, too, puts the content itself in their place.
      if (codeOf(error) !== "EPERM") throw error;
      await rename(target, path);
    }
  };
  return {
    pathOf,
    partialPath: (file, suffix) => `${blobPath(file)}${suffix}.incomplete`,
    lockPath: (file) => join(cache, ".locks", folderName, `${file.hash}.lock`),
    commitOf: async (revision) => {
      if (isCommitHash(revision)) return revision;
      const known = await ifThere(() => readFile(join(folder, "refs", revision), "utf8"));
      return known?.trim();
    },
    remember: async (revision, commit) => {
      const path = join(folder, "refs", revision);
      if (isCommitHash(revision) || (await ifThere(() => readFile(path, "utf8"))) === commit) return;
      await writing(cache, async () => {
        await makeFolder(dirname(path));
        await writeFile(path, commit);
      });
    },
    snapshotFiles: async (commit) => {
      const recursive = kind === "dataset";
      const found = (await ifThere(() => readdir(join(folder, "snapshots", commit), { recursive }))) ?? [];
      const names = found.map((name) => name.replaceAll("\\", "/"));
      const whole = await Promise.all(
        names.map(async (name) => (await ifThere(() => stat(pathOf(commit, name))))?.isFile() ?? false),
      );
      return names.filter((_, at) => whole[at]);
    },
    listing: async (commit) => {
      const path = listingPath(commit);
      const bytes = await ifThere(() => readFile(path));
      if (bytes === undefined) return undefined;
      const names = parseJson(path, bytes);
      if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names;
      throw new FileError(`${path}: expected a list of names, received something else; delete it`);
    },
    rememberListing: (commit, files) =>
      writing(cache, () => writeFileAtomically(listingPath(commit), JSON.stringify(files), { overwrite: true })),
    holds: async (commit, file) => {
      const there = await ifThere(() => stat(pathOf(commit, file.name)));
      if (there?.size === file.size) return true;
      const content = await ifThere(() => lstat(blobPath(file)));
      if (content?.size !== file.size) return false;
      await writing(cache, () => link(commit, file));
      return true;
    },
    adopt: (partial, commit, file) =>
      writing(cache, async () => {
        await rename(partial, blobPath(file));
        await link(commit, file);
      }),
  };
}

/**
 * Does a step that writes into the cache.
 * @throws FileError when that is not possible, saying why and what to do.
 */
export async function writing<Result>(cache: string, step: () => Promise<Result>): Promise<Result> {
  try {
    return await step();
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "ENOSPC" || code === "EDQUOT") {
      throw new FileError(
        `${cache}: expected space for the download, but the disk is full (${code}); make room, or set HF_HUB_CACHE to a folder ` +
          "with more; what has arrived is kept",
        { cause },
      );
    }
    if (["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "ENOENT"].includes(code)) {
      throw new FileError(
        `${cache}: expected a cache folder that can be written (${code}); set HF_HUB_CACHE or HF_HOME to one`,
        { cause },
      );
    }
    throw cause;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
