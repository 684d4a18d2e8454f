/**
 * Narrow floating-point formats: float16 (IEEE 754 binary16), bfloat16, and float8 E4M3 ("fn": no infinities, largest
 * value 448; Micikevicius et al. 2022, https://arxiv.org/abs/2209.05433). Decoding is exact. Encoding rounds to the
 * nearest value, ties to the even one, as PyTorch's casts do.
 */

interface Format {
  readonly mantissaBits: number;
  readonly bias: number;
  /** The magnitude bits of what is too large: infinity, or the largest number where the format has no infinity. */
  readonly overflow: number;
  readonly hasInfinity: boolean;
  readonly nan: number;
  readonly signBit: number;
}

const float16: Format = {
  mantissaBits: 10,
  bias: 15,
  overflow: 0x7c00,
  hasInfinity: true,
  nan: 0x7e00,
  signBit: 0x8000,
};
const bfloat16: Format = {
  mantissaBits: 7,
  bias: 127,
  overflow: 0x7f80,
  hasInfinity: true,
  nan: 0x7fc0,
  signBit: 0x8000,
};
const float8E4M3: Format = { mantissaBits: 3, bias: 7, overflow: 0x7e, hasInfinity: false, nan: 0x7f, signBit: 0x80 };

/** The values of float16 bit patterns. */
export function decodeFloat16(bits: Uint16Array): Float32Array {
  return decode(bits, new Float32Array(bits.length), float16);
}

/** The float16 bit patterns nearest to `values`; magnitudes of 65520 and more become infinity. */
export function encodeFloat16(values: Float32Array): Uint16Array {
  return encode(values, new Uint16Array(values.length), float16);
}

/** The values of bfloat16 bit patterns: the upper halves of float32. */
export function decodeBfloat16(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = (bits[i] ?? 0) << 16;
  return new Float32Array(words.buffer);
}

/** The bfloat16 bit patterns nearest to `values`. */
export function encodeBfloat16(values: Float32Array): Uint16Array {
  return encode(values, new Uint16Array(values.length), bfloat16);
}

/** The values of float8 E4M3 bit patterns. */
export function decodeFloat8E4M3(bits: Uint8Array): Float32Array {
  return decode(bits, new Float32Array(bits.length), float8E4M3);
}

/**
 * The float8 E4M3 bit patterns nearest to `values`. There is no scaling: magnitudes below about 1e-3 become 0, and
 * magnitudes above 448 become 448 (as in PyTorch 2.13; older versions make NaN of those above 464).
 */
export function encodeFloat8E4M3(values: Float32Array): Uint8Array {
  return encode(values, new Uint8Array(values.length), float8E4M3);
}

/**
 * magnitude = (exponent field = 0 ? 0 : 2^mantissaBits) + mantissa field, times the distance between neighbours
 * 2^(max(exponent field, 1) - bias - mantissaBits).
 */
function decode(bits: Uint8Array | Uint16Array, values: Float32Array, format: Format): Float32Array {
  const { mantissaBits, bias, overflow, hasInfinity, signBit } = format;
  const steps = Float64Array.from(
    { length: signBit >> mantissaBits },
    (_, field) => 2 ** (Math.max(field, 1) - bias - mantissaBits),
  );
  const hidden = 1 << mantissaBits;
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] ?? 0;
    const magnitude = word & (signBit - 1);
    const field = magnitude >> mantissaBits;
    let value = ((magnitude & (hidden - 1)) + (field === 0 ? 0 : hidden)) * (steps[field] ?? 0);
    if (magnitude > overflow) value = NaN;
    else if (magnitude === overflow && hasInfinity) value = Infinity;
    values[i] = word & signBit ? -value : value;
  }
  return values;
}

/**
 * With e the exponent of |x| (at least that of the smallest normal number) and q = |x| / 2^(e - mantissaBits) rounded,
 * the magnitude bits are (e + bias - 1) * 2^mantissaBits + q: q carries into the exponent by itself, and subnormal
 * numbers need no case of their own.
 */
function encode<Words extends Uint8Array | Uint16Array>(values: Float32Array, bits: Words, format: Format): Words {
  const { mantissaBits, bias, overflow, nan, signBit } = format;
  const word = new Float32Array(1);
  const wordBits = new Uint32Array(word.buffer);
  for (let i = 0; i < values.length; i++) {
    word[0] = values[i] ?? 0;
    const pattern = wordBits[0] ?? 0;
    const sign = pattern >>> 31 ? signBit : 0;
    const magnitude = Math.abs(word[0]);
    if (Number.isNaN(magnitude)) {
      bits[i] = sign | nan;
    } else if (magnitude === Infinity) {
      bits[i] = sign | overflow;
    } else {
      const exponent = Math.max(((pattern >>> 23) & 0xff) - 127, 1 - bias);
      const quantum = roundHalfToEven(magnitude / 2 ** (exponent - mantissaBits));
      bits[i] = sign | Math.min((exponent + bias - 1) * 2 ** mantissaBits + quantum, overflow);
    }
  }
  return bits;
}

function roundHalfToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}
