/**
 * Safetensors files: 8 bytes of header length (little-endian), a JSON header, then the tensors' bytes.
 *
 * The header maps each tensor's name to `{ dtype, shape, data_offsets: [begin, end] }`, offsets counted from the end of
 * the header, and may have `__metadata__`. The tensors must fill the rest of the file without overlaps and holes.
 * Format: https://huggingface.co/docs/safetensors
 */

import { FileError } from "../../errors.ts";
import type { FileSource } from "../../files.ts";
import { describeJson, isJsonObject, type Json, type JsonObject, parseJsonObject } from "../../json.ts";
import type { Checkpoint, TensorInfo } from "./checkpoint.ts";
import { decodeValues, dtypes, elementCount, isDType } from "./dtype.ts";
import { findTensor } from "./lookup.ts";

/** The limit that the reference implementation sets too: 100 MB. */
const maxHeaderBytes = 100_000_000;

interface Entry extends TensorInfo {
  /** Bytes `[begin, end)` of the file. */
  readonly begin: number;
  readonly end: number;
}

/**
 * Opens a safetensors file: reads its header, and checks that it describes the whole file and nothing else.
 * @throws FileError saying what is wrong with the header.
 */
export async function openSafetensors(files: FileSource, file: string): Promise<Checkpoint> {
  const description = `${files.name}/${file}`;
  const entries = await readEntries(files, file, description);
  return {
    description,
    names: [...entries.keys()],
    info: (name) => findTensor(description, entries, name),
    read: async (name) => {
      const { dtype, begin, end } = findTensor(description, entries, name);
      return decodeValues(`${description}: ${name}`, dtype, await files.read(file, begin, end));
    },
  };
}

async function readEntries(files: FileSource, file: string, description: string): Promise<Map<string, Entry>> {
  const fileBytes = await files.size(file);
  if (fileBytes < 8) {
    throw new FileError(`${description}: expected a safetensors file of at least 8 bytes, received ${fileBytes}`);
  }
  const start = await files.read(file, 0, 8);
  const headerBytes = Number(new DataView(start.buffer, start.byteOffset).getBigUint64(0, true));
  if (headerBytes > maxHeaderBytes) {
    throw new FileError(
      `${description}: expected a safetensors header of at most ${maxHeaderBytes} bytes, received a length of ` +
        `${headerBytes}; the file is damaged or of another format`,
    );
  }
  const dataStart = 8 + headerBytes;
  if (dataStart > fileBytes) {
    throw new FileError(
      `${description}: expected a header of ${headerBytes} bytes after the first 8, but the file has only ` +
        `${fileBytes} bytes; it is truncated or of another format`,
    );
  }
  const header = parseJsonObject(`${description}: header`, await files.read(file, 8, dataStart));
  return parseHeader(header, dataStart, fileBytes, description);
}

function parseHeader(header: JsonObject, dataStart: number, fileBytes: number, description: string) {
  const entries = new Map<string, Entry>();
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    entries.set(name, parseEntry(value, dataStart, fileBytes - dataStart, `${description}: ${name}`));
  }
  checkCoverage(entries, dataStart, fileBytes, description);
  return entries;
}

function parseEntry(value: Json, dataStart: number, dataBytes: number, what: string): Entry {
  if (!isJsonObject(value)) {
    throw new FileError(
      `${what}: expected { dtype, shape, data_offsets } in the header, received ${describeJson(value)}`,
    );
  }
  const { dtype = null, shape = null, data_offsets: offsets = null } = value;
  if (!isDType(dtype)) {
    const known = Object.keys(dtypes).join(", ");
    throw new FileError(`${what}: expected a dtype out of ${known}, received ${describeJson(dtype)}`);
  }
  if (!isCounts(shape)) {
    throw new FileError(`${what}: expected a shape of whole numbers, received ${describeJson(shape)}`);
  }
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw new FileError(`${what}: expected two data_offsets, received ${describeJson(offsets)}`);
  }
  const [begin = 0, end = 0] = offsets;
  if (begin > end || end > dataBytes) {
    throw new FileError(
      `${what}: expected data_offsets inside the ${dataBytes} bytes of data, received [${begin}, ${end}]; ` +
        "the file is truncated or its header is wrong",
    );
  }
  const bytes = elementCount(shape) * dtypes[dtype].bytes;
  if (bytes !== end - begin) {
    throw new FileError(
      `${what}: expected ${bytes} bytes for ${dtype} [${shape.join(", ")}], received data_offsets of ${end - begin} bytes`,
    );
  }
  return { dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

/** Checks that the tensors, sorted by place, follow each other from the header's end to the file's. */
function checkCoverage(entries: ReadonlyMap<string, Entry>, dataStart: number, fileBytes: number, description: string) {
  const sorted = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let reached = dataStart;
  for (const [name, { begin, end }] of sorted) {
    if (begin < reached) throw new FileError(`${description}: ${name}: its data_offsets overlap another tensor's`);
    if (begin > reached) throw unclaimed(description, begin - reached, `before ${name}`);
    reached = end;
  }
  if (reached < fileBytes) throw unclaimed(description, fileBytes - reached, "at the end of the file");
}

function unclaimed(description: string, bytes: number, where: string): FileError {
  return new FileError(
    `${description}: expected tensors to fill the file, but ${bytes} bytes ${where} belong to none; the header is wrong`,
  );
}

/** Whether `value` is a shape: whole numbers, none negative. */
export function isCounts(value: Json): value is readonly number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}
