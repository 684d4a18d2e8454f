// float32 as bfloat16 parts, for products on tiles.
//
// A float32 is the sum of three bfloat16: x = h + m + l, exactly, as 8 bits of mantissa each hold its 24. Of the nine products
// of two such sums six are added, l·h, m·h, m·m, h·m, h·l, h·h; what is left out is below 2⁻²³ |x| |y|, no more than a float32
// product is rounded by. An instruction adds up 32 products before it adds them to a sum, so that sums are rounded less often
// than with multiply-add. Six products of tiles take less than half the time of one in vectors.
//
// Factors and sums below 2⁻¹²⁶ count as zero here, and ∞ and NaN have no parts. Rows of a whose largest number is not within
// 2^±56, and all rows where b's is not between 2⁻³² and 2⁵⁶, are therefore left to multiply-add: nothing overflows on the way,
// and what vanishes is below 2⁻²⁴ of the largest products.

#pragma once

#include "tileProduct.h"

#if HAS_BFLOAT16

namespace inseq {

constexpr int32_t UPPER = static_cast<int32_t>(0xffff0000);

/** The parts of x, in the upper halves of the lanes; the first is the largest. */
template <int PARTS>
inline void takeApart(V x, VI (&part)[PARTS]) {
  if constexpr (PARTS == 1) {
    part[0] = rounded(x);
  } else {
    // To the nearest, halves away from zero: 8 bits each, of which the last need no rounding.
    part[0] = (bits(x) + 0x8000) & UPPER;
    const V rest = x - bits(part[0]);
    part[1] = (bits(rest) + 0x8000) & UPPER;
    part[2] = bits(rest - bits(part[1]));
  }
}

/** The upper halves of 32 lanes, in order. */
inline void storeUpper(VI first, VI second, uint32_t* out) {
  typedef int16_t Halves __attribute__((vector_size(4 * W)));
  constexpr Halves ODD = {1,  3,  5,  7,  9,  11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31,
                          33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63};
  const Halves both = __builtin_shuffle((Halves)first, (Halves)second, ODD);
  std::memcpy(out, &both, sizeof both);
}

/** Three parts, or one: factors rounded to bfloat16. Tiles of a begin with the smallest part, those of b with the largest. */
template <int PARTS>
struct Parts {
  static constexpr int64_t DEPTH = 32, SMALL = PARTS, SUMS = 1;

  static bool holds(const float* row, int64_t K, float, float*) {
    if (PARTS == 1) return true;
    VI most{};
    vectors(K, [&](int64_t k, auto lanes) { most = larger(most, magnitude(load(row + k, lanes))); });
    return holdsRow(largestOf(most));
  }

  /** Sixteen rows' block of a, `count` of them there: one tile after the other, so that what is written is contiguous. */
  static void splitRows(const float* const* row, int64_t count, int64_t k0, int64_t kc, const float*, int64_t,
                        uint32_t* out) {
    for (int64_t k = 0; k < kc; k += DEPTH, out += PARTS * WORDS) {
      const int64_t left = kc - k;
      for (int64_t r = 0; r < ROWS; r++) {
        VI first[PARTS]{}, second[PARTS]{};
        if (r < count) {
          const float* from = row[r] + k0 + k;
          const V x0 = left >= W ? load(from) : load(from, Some{left});
          const V x1 = left >= 2 * W ? load(from + W) : left > W ? load(from + W, Some{left - W}) : V{};
          takeApart(x0, first), takeApart(x1, second);
        }
        for (int p = 0; p < PARTS; p++) storeUpper(first[p], second[p], out + (PARTS - 1 - p) * WORDS + r * 16);
      }
    }
  }

  /** A panel's block [kc][NR]; returns the magnitude of its largest number, as bits. */
  static int32_t splitPanel(const float* block, int64_t kc, uint32_t* out, float*) {
    const int64_t steps = (kc + DEPTH - 1) / DEPTH;
    VI most{};
    for (int64_t k = 0; k < steps * DEPTH; k += 2)
      for (int half = 0; half < 2; half++) {
        VI first[PARTS], second[PARTS];
        const V x0 = k < kc ? load(block + k * NR + half * W) : V{};
        const V x1 = k + 1 < kc ? load(block + (k + 1) * NR + half * W) : V{};
        takeApart(x0, first), takeApart(x1, second);
        most = larger(most, larger(magnitude(x0), magnitude(x1)));
        uint32_t* to = out + (half * steps + k / DEPTH) * PARTS * WORDS + k % DEPTH / 2 * 16;
        for (int p = 0; p < PARTS; p++) {
          const VI words = second[p] | (first[p] >> 16 & 0xffff);
          std::memcpy(to + p * WORDS, &words, sizeof words);
        }
      }
    return largestOf(most);
  }

  /** sums [16 or, where TWO, 32][NR] of `steps` tiles along K. Meanwhile the second-level cache is given a share of `ahead`. */
  template <bool TWO>
  __attribute__((target("amx-tile,amx-bf16"))) static void multiply(int64_t steps, const uint32_t* a, const uint32_t* b,
                                                                    const uint32_t* ahead, uint32_t* sums) {
    const int64_t next = steps * PARTS * WORDS;
    CLEAR_SUMS;
    for (int64_t step = 0; step < steps; step++, a += PARTS * WORDS, b += PARTS * WORDS, ahead += SHARE<Parts>) {
      for (int64_t i = 0; i < SHARE<Parts>; i += 16) __builtin_prefetch(ahead + i, 0, 2);
      if constexpr (PARTS == 1) {
        LOAD_A(0);
        LOAD_B(0);
        MULTIPLY(_tile_dpbf16ps);
      } else {
        // One of the two factors stays from product to product.
        // l·h, m·h, m·m, h·m, h·l, h·h
        LOAD_A(0);
        LOAD_B(0);
        MULTIPLY(_tile_dpbf16ps);
        LOAD_A(1);
        MULTIPLY(_tile_dpbf16ps);
        LOAD_B(1);
        MULTIPLY(_tile_dpbf16ps);
        LOAD_A(2);
        MULTIPLY(_tile_dpbf16ps);
        LOAD_B(2);
        MULTIPLY(_tile_dpbf16ps);
        LOAD_B(0);
        MULTIPLY(_tile_dpbf16ps);
      }
    }
    STORE_SUMS(sums);
  }

  static V sum(const uint32_t* sums, float, const float*) { return load(reinterpret_cast<const float*>(sums)); }
};

}  // namespace inseq

#endif
