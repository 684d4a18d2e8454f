/** The transfer of one file: from where an earlier attempt ended, again and again while it makes progress, then checked. */

import { FileError } from "../../errors.ts";
import { ATTEMPTS, type HubClient, pauseBefore, reason, TransientError, UnreachableError } from "./client.ts";
import type { DownloadProgress, HubFile } from "./repository.ts";

/** Where bytes are kept while a transfer lasts. */
export interface Sink {
  /** Bytes that are there. */
  size(): Promise<number>;
  append(bytes: Uint8Array): Promise<void>;
  /** Forgets all bytes. */
  clear(): Promise<void>;
  /** Hex digest of all bytes, of the file's kind. */
  digest(kind: HubFile["hashKind"]): Promise<string>;
}

/**
 * Fills the sink with the file.
 * @throws FileError when the hub does not give it, or gives other bytes than it announced.
 */
export async function transfer(
  client: HubClient,
  commit: string,
  file: HubFile,
  sink: Sink,
  onProgress: ((progress: DownloadProgress) => void) | undefined,
): Promise<void> {
  for (let again = false; ; again = true) {
    await receive(client, commit, file, sink, onProgress);
    const digest = await sink.digest(file.hashKind);
    if (digest === file.hash) return;
    await sink.clear();
    // Bytes of an earlier attempt may have been wrong: one fresh start shows it.
    if (again) {
      throw new FileError(
        `${client.repository}/${file.name}: expected content with the hash ${file.hash}, received ${digest} twice; ` +
          "the server or something between it and here changes files, try again later",
      );
    }
  }
}

async function receive(
  client: HubClient,
  commit: string,
  file: HubFile,
  sink: Sink,
  onProgress: ((progress: DownloadProgress) => void) | undefined,
): Promise<void> {
  const { settings } = client;
  if ((await sink.size()) > file.size) await sink.clear();
  const tell = (received: number) =>
    onProgress?.({ repository: client.repository, file: file.name, received, total: file.size });
  let failures = 0;
  for (let have = await sink.size(); have < file.size; have = await sink.size()) {
    tell(have);
    try {
      await receiveOnce(client, commit, file, sink, have, tell);
    } catch (error) {
      settings.signal?.throwIfAborted();
      if (!(error instanceof TransientError) && !(error instanceof UnreachableError)) throw error;
      failures = (await sink.size()) > have ? 1 : failures + 1;
      if (failures === ATTEMPTS) throw error;
      await pauseBefore(failures, error, settings);
    }
  }
  tell(file.size);
}

/** One request; it may end early without an error, which the caller sees from the size. */
async function receiveOnce(
  client: HubClient,
  commit: string,
  file: HubFile,
  sink: Sink,
  have: number,
  tell: (received: number) => void,
): Promise<void> {
  const { settings, repository } = client;
  const what = `${repository}/${file.name}`;
  const idle = new AbortController();
  const signal = settings.signal === undefined ? idle.signal : AbortSignal.any([settings.signal, idle.signal]);
  const watch = () =>
    setTimeout(() => idle.abort(new Error(`no byte for ${settings.idleTimeout / 1000} s`)), settings.idleTimeout);
  let timer = watch();
  try {
    const response = await client.open(commit, file.name, have, signal);
    let received = await placeOf(response, have, sink, what);
    const reader = response.body?.getReader();
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      clearTimeout(timer);
      if (done || value === undefined) break;
      timer = watch();
      received += value.byteLength;
      if (received > file.size) {
        await sink.clear();
        throw new FileError(
          `${what}: expected ${file.size} bytes, received more; the server gives another file, try again later`,
        );
      }
      await sink.append(value);
      tell(received);
    }
    if (received < file.size) {
      throw new TransientError(
        `${what}: expected ${file.size} bytes, but the transfer ended at ${received}; try again`,
      );
    }
  } catch (cause) {
    if (cause instanceof FileError) throw cause;
    throw new TransientError(
      `${what}: expected ${file.size} bytes, but the transfer broke (${reason(cause)}); try again`,
      undefined,
      { cause },
    );
  } finally {
    clearTimeout(timer);
    idle.abort();
  }
}

/** Where an answer's bytes belong: behind those that are there, or at the start when the server sends everything. */
async function placeOf(response: Response, have: number, sink: Sink, what: string): Promise<number> {
  if (response.status !== 206) {
    if (have > 0) await sink.clear();
    return 0;
  }
  const start = Number(/^bytes (\d+)-/.exec(response.headers.get("Content-Range") ?? "")?.[1] ?? Number.NaN);
  if (start === have) return have;
  throw new FileError(
    `${what}: expected bytes from ${have} on, received Content-Range ${response.headers.get("Content-Range")}; try again later`,
  );
}
