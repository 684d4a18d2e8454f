/**
 * A server on loopback that speaks the hub's language: a repository with its commits, their lists of files, downloads that
 * redirect large files to another host. Tests say what goes wrong.
 */

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  readonly host: "hub" | "cdn";
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/** Answers in place of the server; false: the server answers as usual. */
export type Trouble = (asked: Asked, response: ServerResponse) => boolean;

export interface HubServer {
  readonly endpoint: string;
  readonly asked: Asked[];
  /** Paths asked for, without their queries, in order. */
  paths(): string[];
  trouble: Trouble;
  /** The commit that `main` is. */
  commit: string;
  close(): Promise<void>;
}

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

type Files = Readonly<Record<string, Uint8Array>>;

export interface HubContents {
  readonly kind?: "model" | "dataset";
  /** The files on other branches than main. */
  readonly branches?: Readonly<Record<string, Files>>;
}

/** A hub with one repository; files whose names end in safetensors, bin, model or parquet are large ones. */
export async function startHub(
  name: string,
  files: Files,
  { kind = "model", branches = {} }: HubContents = {},
): Promise<HubServer> {
  const place = kind === "model" ? name : `datasets/${name}`;
  // A branch has a commit that its name makes.
  const commitOf = (branch: string) => createHash("sha1").update(branch).digest("hex");
  const at = (revision: string): { readonly commit: string; readonly files: Files } | undefined => {
    if (revision === "main" || revision === server.commit) return { commit: server.commit, files };
    const branch = Object.keys(branches).find((one) => one === revision || commitOf(one) === revision);
    return branch === undefined ? undefined : { commit: commitOf(branch), files: branches[branch] ?? {} };
  };
  const cdn = createServer();
  const hub = createServer();
  await Promise.all([listen(cdn), listen(hub)]);
  const cdnUrl = `http://localhost:${portOf(cdn)}`;
  const server: HubServer = {
    endpoint: `http://127.0.0.1:${portOf(hub)}`,
    asked: [],
    paths: () => server.asked.map(({ host, path }) => (host === "hub" ? path : `cdn:${path}`)),
    trouble: () => false,
    commit: COMMIT,
    close: async () => {
      await Promise.all([stop(cdn), stop(hub)]);
    },
  };
  const begin = (host: Asked["host"], request: IncomingMessage, response: ServerResponse): string | undefined => {
    const path = decodeURIComponent(new URL(request.url ?? "/", server.endpoint).pathname);
    const { range, authorization } = request.headers;
    const asked: Asked = { host, path, range, authorization };
    server.asked.push(asked);
    return server.trouble(asked, response) ? undefined : path;
  };

  hub.on("request", (request, response) => {
    const path = begin("hub", request, response);
    if (path === undefined) return;
    const json = (value: unknown) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(JSON.stringify(value));
    };
    const refuse = (status: number, code: string) => response.writeHead(status, { "X-Error-Code": code }).end();
    const [, asked, revision] = /^\/api\/(\w+\/.+?)\/revision\/(.+)$/.exec(path) ?? [];
    if (asked !== undefined && asked !== `${kind}s/${name}`) return refuse(401, "RepoNotFound");
    if (revision !== undefined) {
      const found = at(revision);
      if (found === undefined) return refuse(404, "RevisionNotFound");
      const siblings = Object.entries(found.files).map(([file, content]) => sibling(file, content));
      return json({ id: name, sha: found.commit, private: false, gated: false, siblings });
    }
    const names = Object.keys(branches);
    // The name of a branch may have slashes.
    const revisions = ["main", server.commit, ...names, ...names.map(commitOf)];
    const start = (one: string) => `/${place}/resolve/${one}/`;
    const here = revisions.find((one) => path.startsWith(start(one))) ?? "";
    const file = path.slice(start(here).length);
    const found = at(here);
    const bytes = found?.files[file];
    if (found === undefined || bytes === undefined) return refuse(404, "EntryNotFound");
    // Python's library takes the hash, the size and the commit from the headers.
    response.setHeader("X-Repo-Commit", found.commit);
    if (!isLarge(file)) {
      response.setHeader("ETag", `"${gitHash(bytes)}"`);
      return send(response, bytes, request.headers.range);
    }
    response.setHeader("X-Linked-ETag", `"${sha256(bytes)}"`);
    response.setHeader("X-Linked-Size", bytes.byteLength);
    response.writeHead(302, { Location: `${cdnUrl}/${file}` }).end();
  });
  cdn.on("request", (request, response) => {
    const path = begin("cdn", request, response);
    const held = Object.assign({}, ...Object.values(branches), files) as Files;
    if (path !== undefined) send(response, held[path.slice(1)] ?? new Uint8Array(), request.headers.range);
  });
  return server;
}

/** Sends the part that a Range header asks for. */
export function send(response: ServerResponse, bytes: Uint8Array, range: string | undefined): void {
  const start = Number(/^bytes=(\d+)-/.exec(range ?? "")?.[1] ?? 0);
  const part = bytes.subarray(start);
  response.writeHead(range === undefined ? 200 : 206, {
    "Content-Length": part.byteLength,
    ...(range !== undefined && { "Content-Range": `bytes ${start}-${bytes.byteLength - 1}/${bytes.byteLength}` }),
  });
  response.end(part);
}

export function gitHash(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.byteLength}\0`).update(bytes).digest("hex");
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function isLarge(file: string): boolean {
  return /\.(?:safetensors|bin|model|parquet)$/.test(file);
}

function sibling(rfilename: string, bytes: Uint8Array): object {
  const size = bytes.byteLength;
  if (!isLarge(rfilename)) return { rfilename, size, blobId: gitHash(bytes) };
  return { rfilename, size, blobId: "0".repeat(40), lfs: { sha256: sha256(bytes), size, pointerSize: 130 } };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
