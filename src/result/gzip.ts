/** Gzip through the streams that Node and browsers share. */

import { FileError } from "../errors.ts";

/** `bytes` as a gzip file. */
export async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Files that unpack to more than this are refused: no result is this large, and a small file can claim to be. */
const largestUnpacked = 2 ** 30;

/**
 * The contents of a gzip file.
 * @throws FileError naming `where` when the file is not gzip, is cut off, or unpacks to more than 1 GiB.
 */
export async function gunzip(bytes: Uint8Array<ArrayBuffer>, where: string): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw new FileError(
        `${where}: expected a complete gzip file, received one that cannot be unpacked: ${String(error)}`,
        {
          cause: error,
        },
      );
    });
    if (done) break;
    size += value.length;
    if (size > largestUnpacked) {
      await reader.cancel();
      throw new FileError(`${where}: expected at most ${largestUnpacked} bytes after unpacking, received more`);
    }
    pieces.push(value);
  }
  const unpacked = new Uint8Array(size);
  let offset = 0;
  for (const piece of pieces) {
    unpacked.set(piece, offset);
    offset += piece.length;
  }
  return unpacked;
}
