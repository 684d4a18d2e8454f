/**
 * The zip archive that a PyTorch file is, with its entries read in ranges.
 *
 * PyTorch stores its entries uncompressed, so that a tensor is a range of the file; a repacked archive may have deflated
 * ones, which are unpacked whole, never to more bytes than the directory says. The directory is read by zip.js.
 */

import { type FileEntry, Reader, ZipReader } from "@zip.js/zip.js";
import { FileError } from "../../errors.ts";
import type { FileSource } from "../../files.ts";
import { checkRange } from "../../files.ts";

export interface Archive {
  readonly names: readonly string[];
  has(name: string): boolean;
  /** Size in bytes when unpacked. */
  size(name: string): number;
  /** Bytes `[start, end)` of an entry, all of it by default. */
  read(name: string, start?: number, end?: number): Promise<Uint8Array<ArrayBuffer>>;
}

const stored = 0;
const deflated = 8;

/** Deflate's best ratio: 258 bytes from 2 bits (RFC 1951). An entry that promises more cannot be honest. */
const maxRatio = 1032;

/**
 * Opens a zip archive.
 * @throws FileError when it is damaged, encrypted, names an entry twice, or has an entry that promises to unpack to more
 *   than its bytes can hold.
 */
export async function openArchive(files: FileSource, file: string): Promise<Archive> {
  const description = `${files.name}/${file}`;
  const entries = await readDirectory(files, file, description);
  const find = (name: string): FileEntry => {
    const entry = entries.get(name);
    if (entry !== undefined) return entry;
    throw new FileError(`${description}: expected an entry ${name} in the archive, but it has none`);
  };
  return {
    names: [...entries.keys()],
    has: (name) => entries.has(name),
    size: (name) => find(name).uncompressedSize,
    read: async (name, start = 0, end) => {
      const entry = find(name);
      const what = `${description}: ${name}`;
      const [from, to] = checkRange(what, entry.uncompressedSize, start, end);
      if (entry.compressionMethod === deflated) return (await inflate(entry, what)).slice(from, to);
      const begin = await dataOffset(files, file, entry, what);
      return await files.read(file, begin + from, begin + to);
    },
  };
}

async function readDirectory(files: FileSource, file: string, description: string): Promise<Map<string, FileEntry>> {
  const reader = new ZipReader(new RangeReader(files, file, await files.size(file)), { useWebWorkers: false });
  const entries = new Map<string, FileEntry>();
  for (const entry of await zipStep(description, () => reader.getEntries())) {
    if (entry.directory) continue;
    if (entries.has(entry.filename)) throw new FileError(`${description}: the archive has ${entry.filename} twice`);
    checkEntry(entry, `${description}: ${entry.filename}`);
    entries.set(entry.filename, entry);
  }
  return entries;
}

function checkEntry(entry: FileEntry, what: string): void {
  const { compressionMethod, compressedSize, uncompressedSize } = entry;
  if (entry.encrypted) throw new FileError(`${what}: expected plain data, but the archive is encrypted`);
  if (compressionMethod !== stored && compressionMethod !== deflated) {
    throw new FileError(`${what}: expected stored or deflated data, received compression method ${compressionMethod}`);
  }
  const most = compressionMethod === stored ? compressedSize : compressedSize * maxRatio;
  if (uncompressedSize <= most && (compressionMethod !== stored || uncompressedSize === compressedSize)) return;
  throw new FileError(
    `${what}: ${compressedSize} packed bytes cannot hold the ${uncompressedSize} bytes that the archive promises; ` +
      "the file is damaged or made to exhaust memory",
  );
}

/** Where a stored entry's bytes begin: behind its local header, whose name and extra field have lengths of their own. */
async function dataOffset(files: FileSource, file: string, entry: FileEntry, what: string): Promise<number> {
  const headerBytes = 30;
  const header = await files.read(file, entry.offset, entry.offset + headerBytes);
  const view = new DataView(header.buffer, header.byteOffset);
  if (view.getUint32(0, true) !== 0x04034b50) {
    throw new FileError(`${what}: expected a local header at byte ${entry.offset}; the archive is damaged`);
  }
  return entry.offset + headerBytes + view.getUint16(26, true) + view.getUint16(28, true);
}

async function inflate(entry: FileEntry, what: string): Promise<Uint8Array<ArrayBuffer>> {
  const unpacked = new Uint8Array(entry.uncompressedSize);
  let filled = 0;
  const writable = new WritableStream<Uint8Array>({
    write(chunk) {
      if (filled + chunk.byteLength > unpacked.byteLength) {
        throw new FileError(
          `${what}: unpacks to more than the ${unpacked.byteLength} bytes that the archive promises; ` +
            "the file is damaged or made to exhaust memory",
        );
      }
      unpacked.set(chunk, filled);
      filled += chunk.byteLength;
    },
  });
  await zipStep(what, () => entry.getData(writable, { useWebWorkers: false, checkCrc32: true }));
  if (filled < unpacked.byteLength) {
    throw new FileError(
      `${what}: expected ${unpacked.byteLength} bytes, but it unpacks to ${filled}; the file is damaged`,
    );
  }
  return unpacked;
}

/** zip.js throws errors of its own for damaged archives: they become ours. */
async function zipStep<Result>(what: string, step: () => Promise<Result>): Promise<Result> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof FileError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new FileError(`${what}: expected a zip archive, but reading it failed (${reason}); the file is damaged`, {
      cause: error,
    });
  }
}

/** What zip.js reads from. Its interface is a class to derive from. */
class RangeReader extends Reader<undefined> {
  readonly #files: FileSource;
  readonly #file: string;

  constructor(files: FileSource, file: string, size: number) {
    super(undefined);
    this.#files = files;
    this.#file = file;
    this.size = size;
  }

  override async readUint8Array(index: number, length: number): Promise<Uint8Array> {
    return await this.#files.read(this.#file, index, Math.min(index + length, this.size));
  }
}
