// Products of factors that are rounded to bfloat16, with sums in float32, where the processor is faster at them.
//
// Two numbers that follow each other along K are one word, the first in its lower half: an instruction multiplies both and adds
// them to a float32. a becomes rows of words, block after block of KC, [block][row][PITCH]; a panel's block of b becomes
// [words][NR]. What is missing at their ends is zero. Numbers below 2⁻¹²⁶ count as zero, in factors and in sums.
//
// Two instructions do it: tdpbf16ps on tiles (tiles.h), and vdpbf16ps (AVX512-BF16), 16 sums of 2, here. This one is used on
// AMD's processors alone (Zen 4 and later): Intel's do it more slowly than float32's multiply-add.

#pragma once

#include <cstdint>

#include "gemm.h"

// Compilers that know the instructions, each for the functions that use it: the library itself runs without them.
#if defined(__AVX512F__) && defined(__linux__) && (__GNUC__ >= 11 || __clang_major__ >= 12)
#define HAS_BFLOAT16 1
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace inseq {

/** x to the nearest bfloat16, halves to the even one; NaN stays NaN. In the upper halves of the lanes. */
inline VI rounded(V x) {
  const VI i = bits(x);
  const VI up = i + 0x7fff + (i >> 16 & 1);
  return (x != x ? i | 0x400000 : up) & static_cast<int32_t>(0xffff0000);
}

/** Whether this processor is faster in bfloat16, and the system lets it. */
bool hasBfloat16();

/** Whether products of linear layers are to be rounded: INSEQ_HIGH_PRECISION, on such a processor. */
bool roundsProducts();
void setRoundsProducts(bool rounds);

constexpr int64_t PITCH = KC / 2;
/** Words of a block of kc numbers, filled up with zeros. */
inline int64_t wordCount(int64_t kc) { return (kc + 31) / 32 * 16; }

/** Rows [from, to) of a [M, K], or of those of its rows that `rows` names. a.column is 1. */
void roundRows(View a, const int64_t* rows, int64_t M, int64_t K, int64_t from, int64_t to, uint32_t* words);
/** A panel's block, [kc][NR]. */
void roundBlock(const float* block, int64_t kc, uint32_t* words);

/** The micro-kernel: rows of a times b, as `micro` of gemm.cc. */
void multiplyWords(int64_t rows, int64_t words, const uint32_t* a, const uint32_t* b, float* const* c, int64_t columns,
                   bool add, const float* bias);

}  // namespace inseq
