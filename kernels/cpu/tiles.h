// Products on the tile registers of AMX (Intel from Sapphire Rapids on), which multiply small numbers: bfloat16, added up in
// float32, or bytes, added up in int32. A float32 is taken apart into three of them, in one of two ways:
//
// - Digits (digits.h): three bytes of a whole number, times a unit for each row and column. Faster, and as exact as multiply-add
//   where numbers that are multiplied together do not differ much in size.
// - Parts (parts.h): three bfloat16. As exact as multiply-add whatever the numbers are.
//
// With one part, factors are rounded to bfloat16: that is INSEQ_HIGH_PRECISION (bfloat16.h).
//
// Which way a row goes depends on that row and b alone, so that among products on tiles its bits do, too.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "gemm.h"

namespace inseq {

/**
 * Products of fewer rows are not made of three small numbers. Those of b are made anew in each product, since kept they would
 * take the weights' memory again, and that takes as long as multiplying some 64 rows: measured on shapes from 512 × 2048 to
 * 768 × 50257, forwards and backwards, multiply-add is 10 to 30 % faster at 32 rows, both are equal at 64, and tiles are 10 to
 * 30 % faster at 96 (bench/README.md).
 */
constexpr int64_t FEWEST_ROWS = 96;

/** Products of fewer numbers along K are faster in parts than in digits: measured, both are equal at 128. */
constexpr int64_t FEWEST_ALONG_K = 256;

/**
 * How far the largest numbers of a row of a and of b's columns may stand out, one times the other, for digits (digits.h): 100 for
 * K = 768 and more. Noise averages out over K.
 */
inline float mostCrest(int64_t K) {
  return K < FEWEST_ALONG_K ? 0 : 3.6f * std::sqrt(static_cast<float>(std::min(K, KC)));
}

/**
 * Whether numbers of a row of a, or of b, whose largest magnitude has these bits are held: nothing overflows on the way. NaN and ∞
 * are not.
 */
constexpr int32_t power(int exponent) { return (exponent + 127) << 23; }
inline bool holdsRow(int32_t largest) { return largest == 0 || (largest >= power(-56) && largest <= power(56)); }
inline bool holdsColumns(int32_t largest) { return largest == 0 || (largest >= power(-32) && largest <= power(56)); }

/** Whether the processor has such tiles and the system lets us use them. */
bool hasTiles();

/** Whether a product is made on tiles where the processor has them. */
inline bool hasManyRows(int64_t M) { return M >= FEWEST_ROWS && hasTiles(); }
/** Whether it then depends on how far b's largest numbers stand out. */
inline bool asksCrest(int64_t M, int64_t K) { return hasManyRows(M) && mostCrest(K) > 0; }

/** Products of three parts or digits since the library was opened, of which at least a row was multiplied so. */
int64_t tileProducts();

/** The same, of digits. */
int64_t digitProducts();

/** What a product of many rows has to be given besides its sizes. */
struct ManyRows {
  View a;               // a.column is 1
  const int64_t* rows;  // of a and c, or null for all
  const Columns& b;
  const Epilogue& epilogue;
  int64_t M, N, K;  // not 0
  float* c;
  float crest;  // of b, for digits; negative where nobody asked for it
};

/**
 * c = a b, and its epilogue, by all threads. Returns the rows, as places in a, that neither way holds: they are still to be
 * multiplied.
 */
std::vector<int64_t> multiplyOnTiles(const ManyRows& product);
/** The same of factors rounded to bfloat16: all rows. */
void multiplyRounded(const ManyRows& product);

}  // namespace inseq
