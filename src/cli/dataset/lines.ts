/** The lines of a file of any size, one after another. */

import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { FileError } from "../../errors.ts";

export interface Line {
  /** Without its newline. */
  readonly bytes: Buffer;
  /** Where the next one begins, in bytes from the beginning of the file (unpacked, if it is gzip). */
  readonly end: number;
  /** Whether a newline ends it, which may be missing behind the last one. */
  readonly terminated: boolean;
}

const NEWLINE = 0x0a;
const CHUNK = 1 << 18;

/** The bytes of a file; those of `.gz` files are unpacked. */
export async function* bytesOf(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: CHUNK });
  if (!path.endsWith(".gz")) {
    yield* file;
    return;
  }
  const unpacked = createGunzip();
  file.on("error", (error) => unpacked.destroy(error));
  try {
    yield* file.pipe(unpacked);
  } catch (cause) {
    if (cause instanceof Error && "syscall" in cause) throw cause;
    throw new FileError(`${path}: expected gzip, but it cannot be unpacked (${String(cause)}); it may be cut short`, {
      cause,
    });
  } finally {
    file.destroy();
  }
}

export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  // Of a line that goes over several chunks, what has been seen of it.
  let begun: Buffer[] = [];
  let end = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      const rest = chunk.subarray(from, at);
      const bytes = begun.length > 0 ? Buffer.concat([...begun, rest]) : rest;
      begun = [];
      from = at + 1;
      end += bytes.length + 1;
      yield { bytes, end, terminated: true };
    }
    if (from < chunk.length) begun.push(chunk.subarray(from));
  }
  if (begun.length === 0) return;
  const bytes = Buffer.concat(begun);
  yield { bytes, end: end + bytes.length, terminated: false };
}
