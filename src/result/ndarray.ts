/**
 * NumPy arrays in Inseq's JSON: `{"__ndarray__": data, "dtype", "shape", "Corder"}` with data as nested lists, `b64:...`
 * or `b64.gz:...`. Inseq writes the scores of single steps so; readable files (`ndarrayCompact: false`) use the lists.
 */

import { FileError } from "../errors.ts";
import { decodeFloat16 } from "../numberFormats.ts";
import type { Json, Scores } from "./attribution.ts";
import { decodeBase64 } from "./base64.ts";
import { gunzip } from "./gzip.ts";

/** Nested lists of numbers, outermost axis first. */
export function nestedLists({ shape, values }: Scores): Json {
  const level = (axis: number, start: number, length: number): Json => {
    const size = shape[axis];
    if (size === undefined) return values[start] ?? NaN;
    const step = size === 0 ? 0 : length / size;
    return Array.from({ length: size }, (_, k) => level(axis + 1, start + k * step, step));
  };
  return level(0, 0, values.length);
}

/** The object that stands for an array in a readable file. */
export function readableArray(scores: Scores): Json {
  const order = scores.shape.length > 1 ? { Corder: true } : {};
  return { __ndarray__: nestedLists(scores), dtype: "float32", shape: scores.shape, ...order };
}

/**
 * The scores of such an object, as float32.
 * @throws FileError naming `where` when data, type and shape do not fit together.
 */
export async function decodeArray(array: Readonly<Record<string, Json>>, where: string): Promise<Scores> {
  const { __ndarray__: data, dtype, shape, Corder: rowMajor } = array;
  const problem = (expected: string, received: Json | undefined) =>
    new FileError(
      `${where}: expected ${expected}, received ${JSON.stringify(received)?.slice(0, 60)}; the file is damaged`,
    );
  if (!isSizes(shape)) throw problem("a shape of whole numbers", shape);
  if (rowMajor === false) throw problem("row-major data", "Corder: false");
  const size = shape.reduce((total, n) => total * n, 1);
  let values: Float32Array;
  if (typeof data === "string") {
    const [, packed, text] = /^b64(\.gz)?:(.*)$/s.exec(data) ?? [];
    if (text === undefined) throw problem('data beginning with "b64:" or "b64.gz:"', data);
    const bytes = decodeBase64(text, where);
    const decoded = valuesOf(packed === undefined ? bytes : await gunzip(bytes, where), dtype);
    if (decoded === null) throw problem("float32, float64, float16, int32 or int64 data of whole values", dtype);
    values = decoded;
  } else {
    values = Float32Array.from(flatNumbers(data, (item) => problem("numbers", item)));
  }
  if (values.length !== size) throw problem(`${size} values for shape [${shape.join(", ")}]`, values.length);
  return { shape, values };
}

function valuesOf(bytes: Uint8Array<ArrayBuffer>, dtype: Json | undefined): Float32Array | null {
  const width = { float32: 4, float64: 8, float16: 2, int32: 4, int64: 8 }[String(dtype)];
  if (width === undefined || bytes.length % width !== 0) return null;
  const data = bytes.slice().buffer;
  switch (dtype) {
    case "float32":
      return new Float32Array(data);
    case "float64":
      return Float32Array.from(new Float64Array(data));
    case "float16":
      return decodeFloat16(new Uint16Array(data));
    case "int32":
      return Float32Array.from(new Int32Array(data));
    default:
      return Float32Array.from(new BigInt64Array(data), Number);
  }
}

function flatNumbers(data: Json | undefined, problem: (item: Json | undefined) => FileError): number[] {
  if (typeof data === "number") return [data];
  if (!Array.isArray(data)) throw problem(data);
  return data.flatMap((item: Json) => flatNumbers(item, problem));
}

function isSizes(value: Json | undefined): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && Number(n) >= 0);
}
