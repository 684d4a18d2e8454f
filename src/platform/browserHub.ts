/**
 * Models by name, for browsers: the URL of a folder, or a repository of the hub. A file of the hub is downloaded when it is
 * first read, checked, and kept in the browser's Cache API where the page has it.
 */

import { FileError } from "../errors.ts";
import type { FileSource } from "../files.ts";
import { createHubClient } from "../model/hub/client.ts";
import { lazyFiles } from "../model/hub/lazyFiles.ts";
import { type HubFile, type HubOptions, repositoryNameFault } from "../model/hub/repository.ts";
import { type Sink, transfer } from "../model/hub/transfer.ts";
import { openFolder } from "./browser.ts";

const ENDPOINT = "https://huggingface.co";

/**
 * The files of a model.
 * @throws FileError when the place is neither, or the hub does not give it
 */
export async function openModel(place: string, options: HubOptions = {}): Promise<FileSource> {
  if (/^https?:/.test(place)) return await openFolder(place);
  const fault = repositoryNameFault(place);
  if (fault !== undefined) {
    throw new FileError(
      `${place}: expected the http or https URL of a model's folder, or a name on the hub, which it cannot be: ${fault}; ` +
        "a browser cannot open local paths",
    );
  }
  return await openRepository(place, options, ENDPOINT);
}

/** As `openModel` of a repository on the hub at `endpoint`. */
export async function openRepository(
  repository: string,
  { revision = "main", token, localFilesOnly = false, cacheDir, onDownload, signal }: HubOptions,
  endpoint: string,
): Promise<FileSource> {
  const refused = localFilesOnly ? "localFilesOnly" : cacheDir !== undefined ? "cacheDir" : undefined;
  if (refused !== undefined) {
    throw new FileError(`${refused}: expected Node, which has a cache folder; a browser manages its own cache`);
  }
  const client = createHubClient({ kind: "model", name: repository }, revision, {
    endpoint,
    token: token === false ? undefined : token,
    answerTimeout: 10_000,
    idleTimeout: 30_000,
    retryDelay: 1000,
    signal,
  });
  const { commit, files } = await client.snapshot();
  const fetched = (file: HubFile): Promise<Blob> =>
    cached(`${endpoint}/${repository}/resolve/${commit}/${encodeURIComponent(file.name)}`, async () => {
      const sink = memorySink();
      await transfer(client, commit, file, sink, onDownload);
      return sink.content();
    });
  return lazyFiles(
    repository,
    files,
    fetched,
    async (content, start, end) => new Uint8Array(await content.slice(start, end).arrayBuffer()),
  );
}

/** The content that the page's cache has under a URL, or what `make` gives, which is then kept there. */
async function cached(url: string, make: () => Promise<Blob>): Promise<Blob> {
  // Pages that are not served securely have no Cache API.
  if (!("caches" in globalThis)) return await make();
  const store = await caches.open("inseq-tfjs");
  const kept = await store.match(url);
  if (kept !== undefined) return await kept.blob();
  const content = await make();
  await store.put(url, new Response(content));
  return content;
}

function memorySink(): Sink & { content(): Blob } {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const content = () => new Blob(parts);
  return {
    content,
    size: async () => parts.reduce((sum, part) => sum + part.byteLength, 0),
    append: async (bytes) => {
      parts.push(new Uint8Array(bytes));
    },
    clear: async () => {
      parts.length = 0;
    },
    digest: async (kind) => {
      if (!("subtle" in crypto)) {
        throw new FileError(
          "expected a page served over https (or from localhost), because others cannot check what they download; give the " +
            "URL of a model's folder instead of its name",
        );
      }
      const whole = kind === "git" ? new Blob([`blob ${content().size}\0`, content()]) : content();
      const hash = await crypto.subtle.digest(kind === "git" ? "SHA-1" : "SHA-256", await whole.arrayBuffer());
      return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
    },
  };
}
