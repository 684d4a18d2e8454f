/**
 * Asking the hub: which commit a revision is and which files it has, and for the bytes of a file.
 *
 * The library `@huggingface/hub` (2.17) asks the same, but neither resumes nor checks downloads, takes no locks, has no
 * patience with a busy server, and cannot be bundled for a browser by tools that follow its `exports`. One question remains
 * that it could ask, so it is asked here.
 */

import { FileError } from "../../errors.ts";
import { isJsonObject, type Json, parseJsonObject } from "../../json.ts";
import { type HubFile, type HubSnapshot, isCommitHash, type Repository, type RepositoryKind } from "./repository.ts";

export interface HubSettings {
  /** `https://huggingface.co` */
  readonly endpoint: string;
  readonly token?: string | undefined;
  /** Milliseconds until the first answer to a question. */
  readonly answerTimeout: number;
  /** Milliseconds without a byte after which a transfer counts as broken. */
  readonly idleTimeout: number;
  /** Milliseconds before the first repetition; doubled before each further one. */
  readonly retryDelay: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HubClient {
  readonly settings: HubSettings;
  readonly repository: string;
  /** The commit that a branch, tag or hash stands for, and its files. */
  snapshot(): Promise<HubSnapshot>;
  /** An answer with the bytes of a file from `start` on: status 206, or 200 with all of it. One attempt. */
  open(commit: string, file: string, start: number, signal: AbortSignal): Promise<Response>;
}

/** The hub cannot be reached at all, as opposed to giving an answer that does not help. */
export class UnreachableError extends FileError {}

/** A failure that may be gone when asked again. */
export class TransientError extends FileError {
  /** Milliseconds to wait, when the server said so. */
  readonly wait: number | undefined;

  constructor(message: string, wait?: number, options?: ErrorOptions) {
    super(message, options);
    this.wait = wait;
  }
}

/** Whether the hub is away, now or altogether, so that what is in a cache has to do. */
export function isAway(error: unknown): boolean {
  return error instanceof UnreachableError || error instanceof TransientError;
}

/** The repository is there, but not its revision. */
export class RevisionError extends FileError {}

/** How often a question is repeated, and how often a transfer may fail in a row. */
export const ATTEMPTS = 5;

/** Where the hub has repositories of a kind, and how to speak of them. */
const kinds: Readonly<
  Record<RepositoryKind, { readonly api: string; readonly path: string; readonly what: string; readonly local: string }>
> = {
  model: { api: "api/models/", path: "", what: "model", local: "a model's folder" },
  dataset: { api: "api/datasets/", path: "datasets/", what: "data set", local: "a data set's file or folder" },
};

export function createHubClient(asked: Repository, revision: string, settings: HubSettings): HubClient {
  const { kind, name: repository } = asked;
  const { api, path, local } = kinds[kind];
  const authorization: Record<string, string> =
    settings.token === undefined ? {} : { Authorization: `Bearer ${settings.token}` };
  const ask = async (url: string, init: RequestInit): Promise<Response> => {
    try {
      return await fetch(url, { ...init, headers: { ...authorization, ...init.headers } });
    } catch (cause) {
      settings.signal?.throwIfAborted();
      const message =
        `${repository}: expected an answer from the hub ${settings.endpoint}, which cannot be reached (${reason(cause)}); ` +
        `check the network, or use ${local}`;
      if (BROKEN.test(systemCode(cause))) throw new TransientError(message, undefined, { cause });
      throw new UnreachableError(message, { cause });
    }
  };
  const answer = (url: string): Promise<Uint8Array<ArrayBuffer>> =>
    patiently(settings, async () => {
      const limit = AbortSignal.timeout(settings.answerTimeout);
      const signal = settings.signal === undefined ? limit : AbortSignal.any([settings.signal, limit]);
      const response = await ask(url, { signal });
      if (!response.ok) throw await refusal(response, { asked, revision, settings });
      return new Uint8Array(await response.arrayBuffer());
    });

  return {
    settings,
    repository,
    async snapshot() {
      const url = `${settings.endpoint}/${api}${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
      return readSnapshot(await answer(url), `${repository} on the hub ${settings.endpoint}`, isTaken[kind]);
    },
    async open(commit, file, start, signal) {
      const encoded = file.split("/").map(encodeURIComponent).join("/");
      const url = `${settings.endpoint}/${path}${repository}/resolve/${commit}/${encoded}`;
      // Without the second header a server may compress, and positions would not be those of the file.
      const headers = { ...(start > 0 && { Range: `bytes=${start}-` }), "Accept-Encoding": "identity" };
      const response = await ask(url, { headers, signal });
      if (!response.ok) throw await refusal(response, { asked, revision, settings, file });
      return response;
    },
  };
}

/** Names go into paths of the cache: only those are taken that lead nowhere else. */
const isTaken: Readonly<Record<RepositoryKind, (name: string) => boolean>> = {
  model: (name) => isPlain(name) && !name.includes("/"),
  dataset: isPlain,
};

function isPlain(name: string): boolean {
  return name.split("/").every((part) => /^[^\\\0]+$/.test(part) && part !== "." && part !== "..");
}

/** The hub's description of a repository: `{ sha, siblings: [{ rfilename, size, blobId, lfs: { sha256, size } }] }`. */
function readSnapshot(bytes: Uint8Array, where: string, isTaken: (name: string) => boolean): HubSnapshot {
  const wrong = (what: string, value: Json | undefined) =>
    new FileError(`${where}: expected ${what} in the answer, received ${JSON.stringify(value)}; is it a hub?`);
  const { sha, siblings } = parseJsonObject(where, bytes);
  if (typeof sha !== "string" || !isCommitHash(sha)) throw wrong("a commit (sha)", sha);
  if (!Array.isArray(siblings)) throw wrong("a list of files (siblings)", siblings);
  const files = siblings.map((sibling: Json): HubFile => {
    if (!isJsonObject(sibling)) throw wrong("a file", sibling);
    const { rfilename: name, blobId, lfs } = sibling;
    const { size, sha256 } = isJsonObject(lfs) ? lfs : { size: sibling.size, sha256: undefined };
    const hash = sha256 ?? blobId;
    if (typeof name !== "string" || typeof size !== "number" || typeof hash !== "string" || !/^[0-9a-f]+$/.test(hash)) {
      throw wrong("a file's name, size and hash", sibling);
    }
    return { name, size, hash, hashKind: sha256 === undefined ? "git" : "sha256" };
  });
  return { commit: sha, files: files.filter(({ name }) => isTaken(name)) };
}

/** Repeats a step whose failure may pass, with growing pauses. */
async function patiently<Result>(settings: HubSettings, step: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof TransientError) || attempt === ATTEMPTS) throw error;
      await pauseBefore(attempt, error, settings);
    }
  }
}

/** Waits as long as the server said, or longer with each attempt: 1, 2, 4, 8 times the delay. */
export async function pauseBefore(attempt: number, error: Error, settings: HubSettings): Promise<void> {
  const asked = error instanceof TransientError ? error.wait : undefined;
  const wait = asked ?? settings.retryDelay * 2 ** (attempt - 1);
  await new Promise<void>((resolve, reject) => {
    const { signal } = settings;
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, wait);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

/** The hub's limits are counted over five minutes: a longer wait is not worth it. */
const LONGEST_WAIT = 300_000;

interface Asked {
  readonly asked: Repository;
  readonly revision: string;
  readonly settings: HubSettings;
  readonly file?: string;
}

/** What a status of refusal means, and what to do. */
async function refusal(response: Response, { asked, revision, settings, file }: Asked): Promise<FileError> {
  const { status } = response;
  const { endpoint, token } = settings;
  const code = response.headers.get("X-Error-Code");
  const { kind, name: repository } = asked;
  const { path, what: thing, local } = kinds[kind];
  const page = `${endpoint}/${path}${repository}`;
  const what = file === undefined ? repository : `${repository}/${file}`;
  await response.body?.cancel();
  if (status === 429) {
    const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
    const wait = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
    const message = `${what}: expected an answer, but the hub ${endpoint} refuses so many requests (status 429)`;
    if (wait !== undefined && wait > LONGEST_WAIT) return new FileError(`${message}; try again in ${seconds} s`);
    return new TransientError(`${message}; try again later${token === undefined ? ", or set HF_TOKEN" : ""}`, wait);
  }
  if (status >= 500 || status === 408) {
    return new TransientError(
      `${what}: expected an answer, but the hub ${endpoint} fails with status ${status}; try again later`,
    );
  }
  if (code === "GatedRepo" || status === 403) {
    return new FileError(
      `${what}: expected a ${thing} that may be read, but it is gated (status ${status}); accept its conditions at ` +
        `${page}, and ${token === undefined ? "set HF_TOKEN to a token of yours" : "use a token that may read it"}`,
    );
  }
  if (code === "RevisionNotFound") {
    return new RevisionError(
      `${repository}: expected a branch, tag or commit of it, received the revision "${revision}"; see ${page}/tree/main`,
    );
  }
  if (code === "EntryNotFound") {
    return new FileError(`${what}: expected the file at revision "${revision}", but the hub does not have it`);
  }
  if (status === 401 || status === 404) {
    return new FileError(
      `${repository}: expected ${local} or a ${thing} of the hub, but there is none of that name here, and ${endpoint} has no ` +
        `such ${thing}, or it is private (status ${status}); check the name, ` +
        (token === undefined
          ? "or set HF_TOKEN to a token that may read it"
          : "or the token, which may be wrong or not allow it"),
    );
  }
  return new FileError(
    `${what}: expected the hub ${endpoint} to answer, received status ${status} ${response.statusText}`,
  );
}

/** Codes of a connection that was there and broke; with the others (no such host, refused, no answer) asking again is idle. */
const BROKEN = /^(?:ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_BODY_TIMEOUT)$/;

function systemCode(error: unknown): string {
  if (!(error instanceof Error)) return "";
  if ("code" in error && typeof error.code === "string") return error.code;
  return systemCode(error.cause);
}

/** The innermost reason of a failed request: `fetch failed` alone says nothing. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return reason(error.cause);
  return "code" in error && typeof error.code === "string" && error.message.length === 0 ? error.code : error.message;
}
