import { describe, expect, test } from "vitest";
import { FileError } from "../../../src/errors.ts";
import { type DType, decodeValues } from "../../../src/model/checkpoint/dtype.ts";

/** All 65536 patterns of 16 bits, little-endian. */
function everyPattern(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(2 * 65536);
  const view = new DataView(bytes.buffer);
  for (let bits = 0; bits < 65536; bits++) view.setUint16(2 * bits, bits, true);
  return bytes;
}

/** The value of a binary floating-point number from its definition: ±1.fraction · 2^(exponent − bias). */
function exactValue(bits: number, exponentBits: number, fractionBits: number): number {
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits >= 2 ** (exponentBits + fractionBits) ? -1 : 1;
  const exponent = Math.floor(bits / 2 ** fractionBits) % 2 ** exponentBits;
  const fraction = (bits % 2 ** fractionBits) / 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

/** The bits of float32 values through a DataView. */
function bitsOf(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return view.getUint32(0);
}

describe.each([
  ["F16", 5, 10],
  ["BF16", 8, 7],
] as const)("%s", (dtype, exponentBits, fractionBits) => {
  const decoded = decodeValues("test", dtype, everyPattern());
  const found = new Uint32Array(decoded.buffer);

  test("all 65536 patterns become the float32 of the same value, bit for bit", () => {
    expect(decoded).toBeInstanceOf(Float32Array);
    expect(found).toHaveLength(65536);
    const wrong: number[] = [];
    for (let bits = 0; bits < 65536; bits++) {
      const value = exactValue(bits, exponentBits, fractionBits);
      if (!Number.isNaN(value) && found[bits] !== bitsOf(value)) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  test("bytes at an odd place are read alike", () => {
    const bytes = everyPattern();
    const shifted = new Uint8Array(bytes.byteLength + 1);
    shifted.set(bytes, 1);
    const values = decodeValues("test", dtype, shifted.subarray(1));
    expect(Buffer.compare(new Uint8Array(values.buffer), new Uint8Array(decoded.buffer))).toBe(0);
  });

  test("every NaN stays a NaN with its sign and payload", () => {
    let count = 0;
    for (let bits = 0; bits < 65536; bits++) {
      if (!Number.isNaN(exactValue(bits, exponentBits, fractionBits))) continue;
      count++;
      const payload = (bits % 2 ** fractionBits) * 2 ** (23 - fractionBits);
      expect(found[bits]).toBe((bits >= 32768 ? 0xff800000 : 0x7f800000) + payload);
    }
    expect(count).toBe(2 * (2 ** fractionBits - 1));
  });
});

/** `numbers` as bytes, written by a DataView method. */
function bytesOf(
  width: number,
  numbers: readonly number[],
  write: (view: DataView, at: number, value: number) => void,
) {
  const bytes = new Uint8Array(width * numbers.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of numbers.entries()) write(view, i * width, value);
  return bytes;
}

test("float32 is taken as it stands, at any alignment", () => {
  const numbers = [0, -0, 1.5, -3.4028234663852886e38, 1e-45, Number.POSITIVE_INFINITY, Number.NaN];
  const aligned = bytesOf(4, numbers, (view, at, value) => view.setFloat32(at, value, true));
  const shifted = new Uint8Array(aligned.byteLength + 1);
  shifted.set(aligned, 1);
  for (const bytes of [aligned, shifted.subarray(1)]) {
    expect([...decodeValues("test", "F32", bytes)]).toEqual(numbers.map((value) => Math.fround(value)));
  }
});

test("float64 is rounded to the nearest float32", () => {
  const numbers = [0.1, 1 / 3, 1e300, -1e-300, 16777217];
  const bytes = bytesOf(8, numbers, (view, at, value) => view.setFloat64(at, value, true));
  expect([...decodeValues("test", "F64", bytes)]).toEqual(numbers.map((value) => Math.fround(value)));
});

test.each([
  ["I32", 4, [-(2 ** 31), 2 ** 31 - 1, 0, -1]],
  ["I16", 2, [-32768, 32767, 0, -1]],
  ["I8", 1, [-128, 127, 0, -1]],
  ["U8", 1, [0, 255, 128]],
] as const satisfies [DType, number, number[]][])("%s becomes int32", (dtype, width, numbers) => {
  const bytes = bytesOf(width, numbers, (view, at, value) => {
    for (let i = 0; i < width; i++) view.setUint8(at + i, (value >> (8 * i)) & 0xff);
  });
  const values = decodeValues("test", dtype, bytes);
  expect(values).toBeInstanceOf(Int32Array);
  expect([...values]).toEqual(numbers);
});

test("booleans become 0 and 1", () => {
  expect([...decodeValues("test", "BOOL", new Uint8Array([0, 1, 255]))]).toEqual([0, 1, 1]);
});

test("64-bit integers that fit 32 bits are read, others are refused by value and index", () => {
  const write = (view: DataView, at: number, value: number) => view.setBigInt64(at, BigInt(value), true);
  const fitting = [-(2 ** 31), 2 ** 31 - 1, 0, -1];
  expect([...decodeValues("test", "I64", bytesOf(8, fitting, write))]).toEqual(fitting);
  for (const value of [2 ** 31, -(2 ** 31) - 1, 2 ** 53]) {
    const bytes = bytesOf(8, [7, value], write);
    expect(() => decodeValues("test", "I64", bytes)).toThrow(FileError);
    expect(() => decodeValues("test", "I64", bytes)).toThrow(`received ${value} at index 1`);
  }
});
