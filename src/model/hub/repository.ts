/** What the Hugging Face hub calls a repository, of a model or of a data set, and the files in it. */

export type RepositoryKind = "model" | "dataset";

export interface Repository {
  readonly kind: RepositoryKind;
  /** `gpt2`, `Helsinki-NLP/opus-mt-en-fr` */
  readonly name: string;
}

/** A file of a repository at one commit. */
export interface HubFile {
  /** With the folders that it is in: `data/train.csv`. */
  readonly name: string;
  readonly size: number;
  /** Hex digest of the content: SHA-256 of large files (Git LFS), git's SHA-1 of `blob <size>\0` and the content of others. */
  readonly hash: string;
  readonly hashKind: "sha256" | "git";
}

/** A repository at one commit. */
export interface HubSnapshot {
  readonly commit: string;
  /** Those of a model that are directly in it, all of a data set. */
  readonly files: readonly HubFile[];
}

/** How far the transfer of a file is. */
export interface DownloadProgress {
  readonly repository: string;
  readonly file: string;
  /** Bytes that are there, those of an earlier attempt included. */
  readonly received: number;
  readonly total: number;
}

/** What one may say about a repository of the hub. The names are those of Python's `huggingface_hub`, in camelCase. */
export interface HubOptions {
  /** Branch, tag or commit hash. Default: main. */
  readonly revision?: string | undefined;
  /** Default: in Node the token that `hf auth login` stored, or the variable HF_TOKEN; in a browser none. False: none. */
  readonly token?: string | false | undefined;
  /** Take what is in the cache, and use no network. Default: as the variable HF_HUB_OFFLINE says. */
  readonly localFilesOnly?: boolean | undefined;
  /** Folder of the cache, in Node. Default: as the variables HF_HUB_CACHE or HF_HOME say, or ~/.cache/huggingface/hub. */
  readonly cacheDir?: string | undefined;
  /** Is told how far each download is. */
  readonly onDownload?: ((progress: DownloadProgress) => void) | undefined;
  /** Ends a download; what is there already is kept for the next attempt. */
  readonly signal?: AbortSignal | undefined;
}

/** Why a name cannot be that of a repository, or undefined when it can: `gpt2`, `Helsinki-NLP/opus-mt-en-fr`. */
export function repositoryNameFault(name: string): string | undefined {
  if (name.split("/").length > 2) return "it has more than one slash";
  if (!/^[\w.-]+(?:\/[\w.-]+)?$/.test(name)) return "it has other characters than letters, digits, - _ . and one slash";
  if (name.length > 96) return "it has more than 96 characters";
  if (/(?:^|\/)[-.]|[-.](?:$|\/)/.test(name)) return "a part of it begins or ends with - or .";
  if (name.includes("--") || name.includes("..")) return "it contains -- or ..";
  if (name.endsWith(".git")) return "it ends in .git";
  return undefined;
}

export function isCommitHash(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}
