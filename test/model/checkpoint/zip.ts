/** Zip archives made byte by byte, honest or lying, for the tests of the readers. */

import { crc32, deflateRawSync } from "node:zlib";

export interface ZipEntry {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflate?: boolean;
  /** What the headers say instead of the truth. */
  readonly claim?: {
    readonly size?: number;
    readonly packedSize?: number;
    readonly method?: number;
    readonly flags?: number;
  };
}

/** A zip archive of `entries` (PKWARE APPNOTE 4.3: local headers and data, central directory, end record). */
export function zipOf(entries: readonly ZipEntry[]): Uint8Array {
  const local: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const { name, data, deflate = false, claim = {} } of entries) {
    const packed = deflate ? deflateRawSync(data) : data;
    const nameBytes = new TextEncoder().encode(name);
    const { size = data.byteLength, packedSize = packed.byteLength, method = deflate ? 8 : 0, flags = 0 } = claim;
    const shared = [u16(20), u16(flags), u16(method), u32(0), u32(crc32(data)), u32(packedSize), u32(size)];
    const header = join([u32(0x04034b50), ...shared, u16(nameBytes.byteLength), u16(0), nameBytes]);
    const rest = [u16(0), u16(0), u16(0), u16(0), u32(0), u32(offset), nameBytes];
    central.push(join([u32(0x02014b50), u16(20), ...shared, u16(nameBytes.byteLength), ...rest]));
    local.push(header, packed);
    offset += header.byteLength + packed.byteLength;
  }
  const directory = join(central);
  const count = u16(entries.length);
  const end = [u32(0x06054b50), u16(0), u16(0), count, count, u32(directory.byteLength), u32(offset), u16(0)];
  return join([...local, directory, ...end]);
}

/** All parts one after the other. */
export function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.byteLength;
  }
  return result;
}

function u16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  new DataView(bytes.buffer).setUint16(0, value, true);
  return bytes;
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
