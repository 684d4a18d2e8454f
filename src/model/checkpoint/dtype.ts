/**
 * Element types of checkpoints, and their conversion from little-endian bytes to what TensorFlow.js can hold.
 *
 * float16 and bfloat16 are subsets of float32, so their conversion is exact, subnormals, infinities and the payloads of
 * NaN included. float64 is rounded to the nearest float32. 64-bit integers must fit 32 bits.
 */

import { FileError } from "../../errors.ts";

export type Values = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

type Decode = (view: DataView, count: number, what: string) => Values;

interface ElementType {
  /** Bytes of one element. */
  readonly bytes: number;
  /** Whether it is a floating-point type, read as Float32Array. */
  readonly float: boolean;
  readonly decode: Decode;
}

/** The element types, named as safetensors names them. */
export const dtypes = {
  F64: { bytes: 8, float: true, decode: floats((view, i) => view.getFloat64(8 * i, true)) },
  F32: { bytes: 4, float: true, decode: decodeFloat32 },
  F16: { bytes: 2, float: true, decode: decodeFloat16 },
  BF16: { bytes: 2, float: true, decode: decodeBfloat16 },
  I64: { bytes: 8, float: false, decode: decodeInt64 },
  I32: { bytes: 4, float: false, decode: integers((view, i) => view.getInt32(4 * i, true)) },
  I16: { bytes: 2, float: false, decode: integers((view, i) => view.getInt16(2 * i, true)) },
  I8: { bytes: 1, float: false, decode: integers((view, i) => view.getInt8(i)) },
  U8: { bytes: 1, float: false, decode: integers((view, i) => view.getUint8(i)) },
  BOOL: { bytes: 1, float: false, decode: integers((view, i) => (view.getUint8(i) === 0 ? 0 : 1)) },
} as const satisfies Record<string, ElementType>;

export type DType = keyof typeof dtypes;

/** Whether `name` is one of the element types. */
export function isDType(name: unknown): name is DType {
  return typeof name === "string" && Object.hasOwn(dtypes, name);
}

/** The number of elements of a shape; 1 for a scalar's empty shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * The values that little-endian `bytes` hold. The bytes may be taken over: the result can share their memory.
 * @throws FileError when a 64-bit integer does not fit 32 bits.
 */
export function decodeValues(what: string, dtype: DType, bytes: Uint8Array<ArrayBuffer>): Values {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.byteLength / dtypes[dtype].bytes;
  return dtypes[dtype].decode(view, count, what);
}

/**
 * The bits of the float32 that equals a float16 given by its bits (IEEE 754-2008: 1 sign, 5 exponent, 10 fraction bits).
 */
function float16ToFloat32Bits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  // Exponent biases: 15 for float16, 127 for float32.
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // A subnormal is fraction * 2^-24. Its leading one, at bit `31 - clz32`, becomes the implicit one of a normal float32.
  const leading = 31 - Math.clz32(fraction);
  return sign | ((leading + 103) << 23) | ((fraction << (23 - leading)) & 0x7fffff);
}

/** Whether this machine stores the low byte first, as the files do. */
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function decodeFloat32(view: DataView, count: number): Values {
  const { buffer, byteOffset } = view;
  if (littleEndian && buffer instanceof ArrayBuffer && byteOffset % 4 === 0) {
    return new Float32Array(buffer, byteOffset, count);
  }
  return floats((bytes, i) => bytes.getFloat32(4 * i, true))(view, count, "");
}

// The 16-bit types write the bits of float32 rather than its value, so that a NaN keeps its payload.

function decodeFloat16(view: DataView, count: number): Values {
  const halves = halvesOf(view, count);
  const bits = new Int32Array(count);
  for (let i = 0; i < count; i++) bits[i] = float16ToFloat32Bits(halves[i] ?? 0);
  return new Float32Array(bits.buffer);
}

/** bfloat16 is the upper half of a float32. */
function decodeBfloat16(view: DataView, count: number): Values {
  const halves = halvesOf(view, count);
  const bits = new Int32Array(count);
  for (let i = 0; i < count; i++) bits[i] = (halves[i] ?? 0) << 16;
  return new Float32Array(bits.buffer);
}

/** The bytes as 16-bit numbers: as they stand where the machine allows it, else copied. */
function halvesOf(view: DataView, count: number): Uint16Array {
  if (littleEndian && view.byteOffset % 2 === 0) return new Uint16Array(view.buffer, view.byteOffset, count);
  return Uint16Array.from({ length: count }, (_, i) => view.getUint16(2 * i, true));
}

function floats(element: (view: DataView, i: number) => number): Decode {
  return (view, count) => {
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) values[i] = element(view, i);
    return values;
  };
}

function integers(element: (view: DataView, i: number) => number): Decode {
  return (view, count) => {
    const values = new Int32Array(count);
    for (let i = 0; i < count; i++) values[i] = element(view, i);
    return values;
  };
}

function decodeInt64(view: DataView, count: number, what: string): Values {
  const values = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const low = view.getInt32(8 * i, true);
    // A 64-bit integer fits 32 bits when its upper half only repeats the sign.
    if (view.getInt32(8 * i + 4, true) !== low >> 31) {
      const value = view.getBigInt64(8 * i, true);
      throw new FileError(`${what}: expected integers that fit 32 bits, received ${value} at index ${i}`);
    }
    values[i] = low;
  }
  return values;
}
