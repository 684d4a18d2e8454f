// The bits of a 16-bit number as a float32, for both implementations.

#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define ON_BOTH __host__ __device__
#else
#define ON_BOTH
#endif

namespace inseq {

/** bfloat16 is the upper half of a float32. */
ON_BOTH inline uint32_t bitsOfBfloat16(uint16_t x) { return static_cast<uint32_t>(x) << 16; }

/** float16 (IEEE 754 binary16): 5 bits of exponent with bias 15, 10 of mantissa. */
ON_BOTH inline uint32_t bitsOfFloat16(uint16_t x) {
  const uint32_t sign = static_cast<uint32_t>(x & 0x8000) << 16;
  uint32_t exponent = x >> 10 & 31, mantissa = x & 1023;
  if (exponent == 31) return sign | 0x7f800000 | mantissa << 13;  // infinity and NaN
  if (exponent == 0) {
    if (mantissa == 0) return sign;
    // Below the normal numbers of float16, but not of float32: shift until the leading bit is implicit.
    exponent = 1;
    while ((mantissa & 1024) == 0) {
      mantissa <<= 1;
      exponent--;
    }
    mantissa &= 1023;
  }
  return sign | (exponent + 112) << 23 | mantissa << 13;
}

}  // namespace inseq
