// float32 as three digits, for products on tiles.
//
// A row's block of a, and a column's block of b, is whole numbers times a unit: x = u n + r with |n| < 2²³ and |r| ≤ u / 2, where
// 2²³ u is about the largest |x|. Such a number has three digits of eight bits, n = 2¹⁶ d₁ + 2⁸ d₂ + d₃ with −128 ≤ d < 128, whose
// products add up in int32 without any error. Six of the nine are added, 1·1, then 1·2 + 2·1, then 1·3 + 2·2 + 3·1: half as many
// instructions as with bfloat16 (parts.h), since each multiplies twice as many numbers, and half the bytes.
//
// What is left out, 2·3 + 3·2 and r, is noise of about √K 2⁻²⁵ max|x| max|y|. Where max|x| is κ times the mean |x| that is 2⁻²⁵ κ κ' / √K
// of K mean|x| mean|y|, what Σ |x| |y| comes to: as much as multiply-add errs by where κ κ' is some 26, as of 768 normal numbers, and
// at most four times as much, 2⁻²³, where it is mostCrest. Rows for which it is more are left to parts, which lose nothing of small
// numbers beside large ones.

#pragma once

#include "tileProduct.h"

#if HAS_BFLOAT16

namespace inseq {

struct Digits {
  static constexpr int64_t DEPTH = 64, SMALL = 3, SUMS = 3;

  /** Largest |n|: 2²³ less a 256th, as the first digit ends at 127, less what rounding may add. */
  static constexpr float MOST = 0x7f7f78;

  /** Whether digits hold a row of a; and the largest magnitude of each of its blocks of KC. */
  static bool holds(const float* row, int64_t K, float crestOfColumns, float* scales) {
    const float most = mostCrest(K) / crestOfColumns;
    bool held = true;
    for (int64_t k0 = 0; k0 < K; k0 += KC) {
      const int64_t kc = std::min(KC, K - k0);
      VI largest{}, zeros{};
      V sum{};
      vectors(kc, [&](int64_t k, auto lanes) {
        const V x = vabs(load(row + k0 + k, lanes));
        largest = larger(largest, bits(x));
        sum += x;
        zeros -= x == 0.0f;
      });
      // Lanes beyond the end are zeros, too.
      const int64_t count = (kc + W - 1) / W * W - sumOf(zeros);
      const int32_t found = largestOf(largest);
      float& x = *scales++ = bits(VI{} + found)[0];
      held = held && holdsRow(found) && x * static_cast<float>(count) <= most * sumLanes(sum);
    }
    return held;
  }

  /** The unit of numbers of which the largest has this magnitude, and what makes whole numbers of them. */
  static V unit(V largest) { return largest * (1 / MOST); }
  static V inverse(V largest) { return largest > 0.0f ? MOST / largest : V{}; }

  /** Digits of x, in the lowest three bytes, the first digit in the third byte. */
  static VI digits(V x, V inverse) {
    constexpr int32_t HALVES = 0x808080;  // a byte less 128 is a byte with its upper bit the other way
    const V whole = x * inverse + copySign(splat(0.5f), x);  // to be cut off
    return (__builtin_convertvector(whole, VI) + HALVES) ^ HALVES;
  }

  /** Sixteen words of digits of 64 numbers, x[0] to x[3] in each: the first digits, the second and the third, a tile apart. */
  static void storeDigits(const VI (&x)[4], uint32_t* out) {
    constexpr int32_t LOWER = 0xffff, EVEN = 0xff00ff;
    const VI low0 = (x[0] & LOWER) | x[1] << 16, low1 = (x[2] & LOWER) | x[3] << 16;
    const VI high0 = (x[0] >> 16 & LOWER) | (x[1] & ~LOWER), high1 = (x[2] >> 16 & LOWER) | (x[3] & ~LOWER);
    const VI words[3] = {(high0 & EVEN) | (high1 << 8 & ~EVEN), (low0 >> 8 & EVEN) | (low1 & ~EVEN),
                         (low0 & EVEN) | (low1 << 8 & ~EVEN)};
    for (int digit = 0; digit < 3; digit++) std::memcpy(out + digit * WORDS, &words[digit], sizeof words[digit]);
  }

  /** Sixteen rows' block of a, `count` of them there, whose scales are `next` apart. A word has numbers that are sixteen apart, as words of b have. */
  static void splitRows(const float* const* row, int64_t count, int64_t k0, int64_t kc, const float* scales,
                        int64_t next, uint32_t* out) {
    V inverses[ROWS];
    for (int64_t r = 0; r < count; r++) inverses[r] = inverse(V{} + scales[r * next]);
    for (int64_t k = 0; k < kc; k += DEPTH, out += SMALL * WORDS)
      for (int64_t r = 0; r < ROWS; r++) {
        VI n[4]{};
        if (r < count) {
          const float* from = row[r] + k0 + k;
          for (int64_t i = 0, left = kc - k; i < 4 && left > 0; i++, left -= W, from += W)
            n[i] = digits(left >= W ? load(from) : load(from, Some{left}), inverses[r]);
        }
        storeDigits(n, out + r * 16);
      }
  }

  /** A panel's block [kc][NR], and its columns' units; returns the magnitude of its largest number, as bits. */
  static int32_t splitPanel(const float* block, int64_t kc, uint32_t* out, float* units) {
    VI most[2]{};
    for (int64_t k = 0; k < kc; k++)
      for (int half = 0; half < 2; half++) most[half] = larger(most[half], magnitude(load(block + k * NR + half * W)));
    for (int half = 0; half < 2; half++) {
      const V largest = bits(most[half]), inverses = inverse(largest);
      store(units + half * W, unit(largest));
      for (int64_t k = 0; k < kc; k += DEPTH, out += SMALL * WORDS)
        for (int64_t word = 0; word < 16; word++) {
          VI n[4]{};
          for (int64_t i = 0; i < 4; i++) {
            const int64_t at = k + i * W + word;
            if (at < kc) n[i] = digits(load(block + at * NR + half * W), inverses);
          }
          storeDigits(n, out + word * 16);
        }
    }
    return largestOf(larger(most[0], most[1]));
  }

  /** Sums of the three places, each [16 or, where TWO, 32][NR], of `steps` tiles along K. */
  template <bool TWO>
  __attribute__((target("amx-tile,amx-int8"))) static void multiply(int64_t steps, const uint32_t* a, const uint32_t* b,
                                                                    const uint32_t* ahead, uint32_t* sums) {
    multiplyPlace<TWO, 0>(steps, a, b, ahead, sums);
    multiplyPlace<TWO, 1>(steps, a, b, ahead + steps * SHARE<Digits> / 3, sums + 2 * ROWS * NR);
    multiplyPlace<TWO, 2>(steps, a, b, ahead + steps * SHARE<Digits> / 3 * 2, sums + 4 * ROWS * NR);
  }

  /** Products of digits i and j with i + j = PLACE, counted from 0. */
  template <bool TWO, int PLACE>
  __attribute__((target("amx-tile,amx-int8"))) static void multiplyPlace(int64_t steps, const uint32_t* a, const uint32_t* b,
                                                                         const uint32_t* ahead, uint32_t* sums) {
    const int64_t next = steps * SMALL * WORDS;
    CLEAR_SUMS;
    for (int64_t step = 0; step < steps; step++, a += SMALL * WORDS, b += SMALL * WORDS, ahead += SHARE<Digits> / 3) {
      for (int64_t i = 0; i < SHARE<Digits> / 3; i += 16) __builtin_prefetch(ahead + i, 0, 2);
      LOAD_A(0);
      LOAD_B(PLACE);
      MULTIPLY(_tile_dpbssd);
      if constexpr (PLACE > 0) {
        LOAD_A(1);
        LOAD_B(PLACE - 1);
        MULTIPLY(_tile_dpbssd);
      }
      if constexpr (PLACE > 1) {
        LOAD_A(2);
        LOAD_B(0);
        MULTIPLY(_tile_dpbssd);
      }
    }
    STORE_SUMS(sums);
  }

  /** Sixteen numbers of three sums each, which are worth 2³², 2²⁴ and 2¹⁶ products of the units. */
  static V sum(const uint32_t* sums, float scale, const float* units) {
    const float unit = scale * (65536 / MOST);
    const auto place = [&](int64_t i) {
      VI whole;
      std::memcpy(&whole, sums + i * 2 * ROWS * NR, sizeof whole);
      return __builtin_convertvector(whole, V);
    };
    return ((place(0) * 256.0f + place(1)) * 256.0f + place(2)) * unit * load(units);
  }
};

}  // namespace inseq

#endif
