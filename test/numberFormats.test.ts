import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeBfloat16,
  decodeFloat8E4M3,
  decodeFloat16,
  encodeBfloat16,
  encodeFloat8E4M3,
  encodeFloat16,
} from "../src/numberFormats.ts";

const formats = [
  {
    name: "float16",
    patterns: 2 ** 16,
    decode: (bits: number[]) => decodeFloat16(Uint16Array.from(bits)),
    encode: (values: number[]) => Array.from(encodeFloat16(Float32Array.from(values))),
    signBit: 0x8000,
    firstSpecial: 0x7c00,
    known: [
      [0x3c00, 1],
      [0x3555, 0.333251953125],
      [0x0001, 2 ** -24],
      [0x0400, 2 ** -14],
      [0x7bff, 65504],
      [0x7c00, Infinity],
      [0xc000, -2],
      [0x7e00, NaN],
    ],
  },
  {
    name: "bfloat16",
    patterns: 2 ** 16,
    decode: (bits: number[]) => decodeBfloat16(Uint16Array.from(bits)),
    encode: (values: number[]) => Array.from(encodeBfloat16(Float32Array.from(values))),
    signBit: 0x8000,
    firstSpecial: 0x7f80,
    known: [
      [0x3f80, 1],
      [0x4049, 3.140625],
      [0x0001, 2 ** -133],
      [0x7f7f, 255 * 2 ** 120],
      [0xff80, -Infinity],
      [0x7fc0, NaN],
    ],
  },
  {
    name: "float8 E4M3",
    patterns: 2 ** 8,
    decode: (bits: number[]) => decodeFloat8E4M3(Uint8Array.from(bits)),
    encode: (values: number[]) => Array.from(encodeFloat8E4M3(Float32Array.from(values))),
    signBit: 0x80,
    firstSpecial: 0x7f,
    known: [
      [0x38, 1],
      [0x7e, 448],
      [0x01, 2 ** -9],
      [0x08, 2 ** -6],
      [0xb0, -0.5],
      [0x7f, NaN],
    ],
  },
] as const;

describe.each(formats)("$name", ({ patterns, decode, encode, signBit, firstSpecial, known }) => {
  const all = Array.from({ length: patterns }, (_, bits) => bits);

  test("known patterns have their published values", () => {
    for (const [bits, value] of known) {
      expect(Array.from(decode([bits]))).toEqual([value]);
      expect(encode([value])).toEqual([bits]);
    }
  });

  test("every pattern that is a number decodes and encodes to itself", () => {
    const numbers = all.filter((bits) => (bits & (signBit - 1)) <= firstSpecial - 1);
    expect(encode(Array.from(decode(numbers)))).toEqual(numbers);
  });

  test("positive patterns ascend", () => {
    const values = Array.from(decode(all.slice(0, firstSpecial)));
    expect(values.every((value, i) => i === 0 || value > (values[i - 1] ?? NaN))).toBe(true);
  });

  test("between two neighbours the nearer one is taken, and the even one in the middle", () => {
    const values = Array.from(decode(all.slice(0, firstSpecial)));
    const failures = values.slice(1).flatMap((above, bits) => {
      const below = values[bits] ?? NaN;
      const middle = (below + above) / 2;
      // Below bfloat16's smallest normal number a float32 lies between the middle and its neighbours all the same.
      const nearlyBelow = Math.fround(below + (above - below) * 0.49);
      const nearlyAbove = Math.fround(below + (above - below) * 0.51);
      const even = bits % 2 === 0 ? bits : bits + 1;
      const expected = [even, bits, bits + 1, even | signBit];
      const received = encode([middle, nearlyBelow, nearlyAbove, -middle]);
      return expected.join() === received.join() ? [] : [{ bits, expected, received }];
    });
    expect(failures).toEqual([]);
  });

  test("no other pattern is nearer to a number than the one it gets", () => {
    const values = Array.from(decode(all.slice(0, firstSpecial)));
    const largest = values.at(-1) ?? NaN;
    fc.assert(
      fc.property(fc.float({ min: 0, max: Math.fround(largest), noNaN: true }), (value) => {
        const bits = encode([value])[0] ?? NaN;
        const error = (pattern: number) => Math.abs((values[pattern] ?? Infinity) - value);
        return error(bits) <= error(bits - 1) && error(bits) <= error(bits + 1);
      }),
    );
  });
});

test("magnitudes beyond the largest value become infinity, or the largest value in float8", () => {
  expect(Array.from(encodeFloat16(Float32Array.of(65519, 65520, -1e9)))).toEqual([0x7bff, 0x7c00, 0xfc00]);
  expect(Array.from(encodeBfloat16(Float32Array.of(3.4e38)))).toEqual([0x7f80]);
  expect(Array.from(encodeFloat8E4M3(Float32Array.of(464, 465, 1e9, -Infinity)))).toEqual([0x7e, 0x7e, 0x7e, 0xfe]);
});

test("zero keeps its sign", () => {
  expect(Array.from(encodeFloat16(Float32Array.of(0, -0)))).toEqual([0, 0x8000]);
  expect(Object.is(decodeFloat16(Uint16Array.of(0x8000))[0], -0)).toBe(true);
});
