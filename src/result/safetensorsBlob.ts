/**
 * One array of scores as a complete safetensors file with a tensor named `attribution`, as Inseq's result files hold
 * them: header length (8 bytes, little-endian), JSON header padded with spaces to a multiple of 8, little-endian data.
 * https://huggingface.co/docs/safetensors
 */

import { FileError } from "../errors.ts";
import { decodeBfloat16, decodeFloat8E4M3, decodeFloat16, encodeFloat8E4M3, encodeFloat16 } from "../numberFormats.ts";
import type { Scores } from "./attribution.ts";

/** How a saved score is rounded. float8 is a plain cast to E4M3: below about 1e-3 is 0, above 448 is 448. */
export type ScoresPrecision = (typeof scoresPrecisions)[number];

export const scoresPrecisions = ["float32", "float16", "float8"] as const;

/** Those that we write, and those that Inseq's step scores may have besides (`top_p_size` is a count). */
type StoredType = "F32" | "F16" | "F8_E4M3" | "BF16" | "F64" | "I32" | "I64";

const bytesPerValue: Readonly<Record<StoredType, number>> = {
  F32: 4,
  F16: 2,
  F8_E4M3: 1,
  BF16: 2,
  F64: 8,
  I32: 4,
  I64: 8,
};

/** The file of `scores`, rounded to `precision`. */
export function encodeScores(scores: Scores, precision: ScoresPrecision): Uint8Array {
  const { type, data } = rounded(scores.values, precision);
  const entry = { dtype: type, shape: scores.shape, data_offsets: [0, data.length] };
  const header = JSON.stringify({ attribution: entry });
  const headerBytes = new TextEncoder().encode(header.padEnd(Math.ceil(header.length / 8) * 8));
  const file = new Uint8Array(8 + headerBytes.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes.length), true);
  file.set(headerBytes, 8);
  file.set(data, 8 + headerBytes.length);
  return file;
}

/**
 * The scores of such a file, as float32.
 * @throws FileError naming `where` when the file is damaged or holds something else.
 */
export function decodeScores(file: Uint8Array<ArrayBuffer>, where: string): Scores {
  const problem = (what: string) => new FileError(`${where}: ${what}; the file is damaged, save it again`);
  if (file.length < 8) throw problem(`expected a safetensors block of at least 8 bytes, received ${file.length}`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerLength = view.getBigUint64(0, true);
  if (headerLength > BigInt(file.length - 8)) {
    throw problem(`expected a header within ${file.length} bytes, received header length ${headerLength}`);
  }
  const dataStart = 8 + Number(headerLength);
  const { type, shape, offsets } = readHeader(file.subarray(8, dataStart), problem);
  const size = shape.reduce((total, n) => total * n, bytesPerValue[type]);
  if (offsets[0] !== 0 || offsets[1] !== size || dataStart + size !== file.length) {
    throw problem(
      `expected ${size} bytes for ${type} of shape [${shape.join(", ")}], received offsets [${offsets.join(", ")}] ` +
        `and ${file.length - dataStart} bytes`,
    );
  }
  // A copy, because the data need not be aligned.
  return { shape, values: widened(file.slice(dataStart).buffer, type) };
}

function readHeader(
  bytes: Uint8Array,
  problem: (what: string) => FileError,
): { type: StoredType; shape: number[]; offsets: number[] } {
  const text = new TextDecoder().decode(bytes);
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw problem(`expected a JSON header, received ${JSON.stringify(text.slice(0, 60))}`);
  }
  const { dtype, shape, data_offsets: offsets } = field(field(header, "attribution"), null);
  if (typeof dtype !== "string" || !(dtype in bytesPerValue)) {
    throw problem(
      `expected a tensor "attribution" of type ${Object.keys(bytesPerValue).join(", ")}, received type ${String(dtype)}`,
    );
  }
  if (!isSizes(shape)) throw problem(`expected a shape of whole numbers, received ${JSON.stringify(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw problem(`expected two data offsets, received ${JSON.stringify(offsets)}`);
  }
  return { type: dtype as StoredType, shape, offsets };
}

/** The value of a key, or (without a key) the object itself; an empty object where there is none. */
function field(value: unknown, key: string | null): Readonly<Record<string, unknown>> {
  const inner = key === null ? value : Object.entries(field(value, null)).find(([name]) => name === key)?.[1];
  return typeof inner === "object" && inner !== null ? (inner as Readonly<Record<string, unknown>>) : {};
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function rounded(values: Float32Array, precision: ScoresPrecision): { type: StoredType; data: Uint8Array } {
  const bytes = (array: Float32Array | Uint16Array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  switch (precision) {
    case "float32":
      return { type: "F32", data: bytes(values) };
    case "float16":
      return { type: "F16", data: bytes(encodeFloat16(values)) };
    case "float8":
      return { type: "F8_E4M3", data: encodeFloat8E4M3(values) };
    default:
      throw precision satisfies never;
  }
}

function widened(data: ArrayBuffer, type: StoredType): Float32Array {
  switch (type) {
    case "F32":
      return new Float32Array(data);
    case "F16":
      return decodeFloat16(new Uint16Array(data));
    case "BF16":
      return decodeBfloat16(new Uint16Array(data));
    case "F8_E4M3":
      return decodeFloat8E4M3(new Uint8Array(data));
    case "F64":
      return Float32Array.from(new Float64Array(data));
    case "I32":
      return Float32Array.from(new Int32Array(data));
    case "I64":
      return Float32Array.from(new BigInt64Array(data), Number);
    default:
      throw type satisfies never;
  }
}
