/** Files, for browsers: the functions of `node.ts`, over HTTP. What a page cannot do is refused with what to do instead. */

import { FileError, UnsupportedError } from "../errors.ts";
import { checkRange, type FileSource, missingFile } from "../files.ts";

/** A server does not list its files, so these are asked for one by one: all that the library reads, and shard indexes. */
const knownFiles = [
  "config.json",
  "generation_config.json",
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.jinja",
  "chat_template.json",
  "spiece.model",
  "sentencepiece.bpe.model",
  "tokenizer.model",
  "source.spm",
  "target.spm",
  "vocab.json",
  "target_vocab.json",
  "vocab-src.json",
  "vocab-tgt.json",
  "merges.txt",
  "vocab.txt",
] as const;

interface RemoteFile {
  readonly size: number;
  /** Its content, when the server cannot say its size. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
}

/** Shards are numbered: model-00001-of-00003.safetensors. */
const shardName = /^(?:model|pytorch_model)-\d+-of-\d+\.(?:safetensors|bin)$/;

/**
 * The files below a base URL, for instance `https://huggingface.co/gpt2/resolve/main`. They are read in ranges.
 * @throws FileError when `url` is no http(s) URL, or there is no `config.json` below it.
 */
export async function openFolder(url: string): Promise<FileSource> {
  const base = parseUrl(url);
  const found = new Map<string, RemoteFile>();
  const probe = async (file: string): Promise<void> => {
    const remote = await findFile(new URL(file, base));
    if (remote !== undefined) found.set(file, remote);
  };
  await Promise.all(knownFiles.map(probe));
  for (const index of ["model.safetensors.index.json", "pytorch_model.bin.index.json"]) {
    if (found.has(index)) await Promise.all((await shardsOf(new URL(index, base))).map(probe));
  }
  const find = (file: string): RemoteFile => {
    const remote = found.get(file);
    if (remote === undefined) throw missingFile(url, file, [...found.keys()]);
    return remote;
  };
  find("config.json");
  return {
    name: url,
    list: async () => [...found.keys()],
    size: async (file) => find(file).size,
    read: async (file, start = 0, end) => {
      const { size, bytes } = find(file);
      const [from, to] = checkRange(`${url}/${file}`, size, start, end);
      return bytes?.slice(from, to) ?? (await fetchRange(new URL(file, base), from, to));
    },
  };
}

/**
 * Bytes `[start, end)` of a URL, all of it by default.
 * @throws FileError when the server does not have it.
 */
export async function readBytes(path: string, start = 0, end?: number): Promise<Uint8Array<ArrayBuffer>> {
  if (end !== undefined) return await fetchRange(new URL(path), start, end);
  if (start > 0) return (await readBytes(path)).slice(start);
  return new Uint8Array(await (await request(path, {})).arrayBuffer());
}

/** Whether a server has a file of that URL. */
export async function fileExists(path: string): Promise<boolean> {
  return (await answer(path, { method: "HEAD" })).ok;
}

/** A page cannot write files. @throws UnsupportedError always. */
export async function writeFileAtomically(
  path: string,
  _bytes: Uint8Array | string,
  _options: { readonly overwrite?: boolean } = {},
): Promise<void> {
  throw new UnsupportedError(
    `${path}: a browser cannot write files; take the result of toJSON, toHTML or toSVG and offer it as a download`,
  );
}

/** A page has no folders. @throws UnsupportedError always. */
export async function makeFolder(path: string): Promise<void> {
  throw new UnsupportedError(`${path}: a browser cannot make folders`);
}

function parseUrl(url: string): URL {
  const base = URL.canParse(url) ? new URL(url.endsWith("/") ? url : `${url}/`) : undefined;
  if (base !== undefined && /^https?:$/.test(base.protocol)) return base;
  throw new FileError(`${url}: expected the http or https URL of a model's folder; a browser cannot open local paths`);
}

/** What the server has under a URL; undefined when it has nothing. */
async function findFile(url: URL): Promise<RemoteFile | undefined> {
  const response = await answer(url.href, { method: "HEAD" });
  // Servers of single-page applications answer every unknown name with a page.
  const isPage = response.headers.get("content-type")?.startsWith("text/html") ?? false;
  if (response.status === 404 || (response.ok && isPage)) return undefined;
  if (!response.ok) throw refused(url.href, response);
  const length = response.headers.get("content-length");
  const encoded = response.headers.has("content-encoding");
  if (length !== null && !encoded) return { size: Number(length) };
  // The length of a compressed answer is not the file's: such files (texts, mostly) are read whole.
  const bytes = await readBytes(url.href);
  return { size: bytes.byteLength, bytes };
}

async function shardsOf(index: URL): Promise<readonly string[]> {
  const text = await (await request(index.href, {})).text();
  const names = new Set(Array.from(text.matchAll(/"([^"/\\]+)"/g), ([, name]) => name ?? ""));
  return [...names].filter((name) => shardName.test(name));
}

async function fetchRange(url: URL, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  if (start === end) return new Uint8Array(0);
  const response = await request(url.href, { headers: { Range: `bytes=${start}-${end - 1}` } });
  const received = new Uint8Array(await response.arrayBuffer());
  // A server that does not know ranges answers 200 with the whole file.
  const bytes = response.status === 206 ? received : received.slice(start, end);
  if (bytes.byteLength === end - start) return bytes;
  throw new FileError(`${url.href}: expected ${end - start} bytes from ${start} on, received ${bytes.byteLength}`);
}

async function request(url: string, init: RequestInit): Promise<Response> {
  const response = await answer(url, init);
  if (response.ok) return response;
  throw refused(url, response);
}

async function answer(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    throw new FileError(
      `${url}: expected an answer, but the server cannot be reached or forbids this page to read it`,
      {
        cause: error,
      },
    );
  }
}

function refused(url: string, response: Response): FileError {
  return new FileError(`${url}: expected the file, received status ${response.status} ${response.statusText}`);
}
