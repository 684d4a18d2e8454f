// Products on the tile registers of AMX (Intel from Sapphire Rapids on), which multiply bfloat16 and add in float32.
//
// A float32 is the sum of three bfloat16: x = h + m + l, exactly, as 8 bits of mantissa each hold its 24. Of the nine products
// of two such sums six are added, l·h, m·h, m·m, h·m, h·l, h·h; what is left out is below 2⁻²³ |x| |y|, no more than a float32
// product is rounded by. An instruction adds up 32 products before it adds them to a sum, so that sums are rounded less often
// than with multiply-add. Six products of tiles take less than half the time of one in vectors.
//
// With one part, factors are rounded to bfloat16: that is INSEQ_HIGH_PRECISION (bfloat16.h).
//
// Factors and sums below 2⁻¹²⁶ count as zero here, and ∞ and NaN have no parts. Rows of a whose largest number is not within
// 2^±56, and all rows where b's is not between 2⁻³² and 2⁵⁶, are therefore left to multiply-add: nothing overflows on the way,
// what vanishes is below 2⁻²⁴ of the largest products, and among products on tiles a row's bits depend on that row and b alone.

#pragma once

#include <cstdint>
#include <vector>

#include "gemm.h"

namespace inseq {

/**
 * Products of fewer rows are not made in three parts. b's parts are made anew in each product, since kept they would take 1.5
 * times the memory of the weights, and that takes as long as multiplying some 64 rows: measured on shapes from 512 × 2048 to
 * 768 × 50257, forwards and backwards, multiply-add is 10 to 30 % faster at 32 rows, both are equal at 64, and tiles are 10 to
 * 30 % faster at 96 (bench/README.md).
 */
constexpr int64_t FEWEST_ROWS = 96;

/** Whether the processor has such tiles and the system lets us use them. */
bool hasTiles();

/** Products of three parts since the library was opened, of which at least a row was multiplied so. */
int64_t tileProducts();

/**
 * c = a b, and its epilogue, by all threads, where factors have `parts` = 1 or 3 parts; a.column is 1 and M, N, K are not 0. Returns the
 * rows, as places in `rows` or else of a, that three parts do not hold: they are still to be multiplied.
 */
std::vector<int64_t> multiplyOnTiles(int parts, View a, const int64_t* rows, const Columns& b,
                                     const Epilogue& epilogue, int64_t M, int64_t N, int64_t K, float* c);

}  // namespace inseq
