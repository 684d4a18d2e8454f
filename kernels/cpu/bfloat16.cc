// Products in bfloat16: see bfloat16.h.

#include "bfloat16.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "micro.h"
#include "tiles.h"

namespace inseq {
namespace {

std::atomic<bool> rounds{false};

}  // namespace

bool roundsProducts() { return rounds.load(std::memory_order_relaxed); }
void setRoundsProducts(bool value) { rounds.store(value); }

#if HAS_BFLOAT16

namespace {

/** CPUID leaf 7, second part: AVX512-BF16. */
bool hasFastDots() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  char vendor[12];
  __get_cpuid(0, &a, &b, &c, &d);
  std::memcpy(vendor, &b, 4), std::memcpy(vendor + 4, &d, 4), std::memcpy(vendor + 8, &c, 4);
  return std::memcmp(vendor, "AuthenticAMD", 12) == 0 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1) != 0;
}

inline VI lowered(VI upper) { return upper >> 16 & 0xffff; }

template <int R>
__attribute__((target("avx512bf16"))) void dots(int64_t words, const uint32_t* a, const uint32_t* b, float* const* c,
                                               int64_t columns, bool add, const float* bias) {
  V sum[R][2];
#pragma GCC unroll 14
  for (int r = 0; r < R; r++) sum[r][0] = sum[r][1] = V{};
  for (int64_t k = 0; k < words; k++, a++, b += NR) {
    const __m512bh b0 = (__m512bh)_mm512_loadu_si512(b), b1 = (__m512bh)_mm512_loadu_si512(b + W);
#pragma GCC unroll 14
    for (int r = 0; r < R; r++) {
      const __m512bh pair = (__m512bh)_mm512_set1_epi32(static_cast<int>(a[r * PITCH]));
      sum[r][0] = (V)_mm512_dpbf16_ps((__m512)sum[r][0], pair, b0);
      sum[r][1] = (V)_mm512_dpbf16_ps((__m512)sum[r][1], pair, b1);
    }
  }
#pragma GCC unroll 14
  for (int r = 0; r < R; r++) finishRow(sum[r][0], sum[r][1], c[r], columns, add, bias);
}

using Micro = void (*)(int64_t, const uint32_t*, const uint32_t*, float* const*, int64_t, bool, const float*);
template <int... R>
constexpr ByRows<Micro> byRows(std::integer_sequence<int, R...>) {
  return {{nullptr, dots<R + 1>...}};
}
constexpr ByRows<Micro> DOTS = byRows(std::make_integer_sequence<int, MR>{});

}  // namespace

bool hasBfloat16() { return hasTiles() || hasFastDots(); }

void roundRows(View a, const int64_t* rows, int64_t M, int64_t K, int64_t from, int64_t to, uint32_t* words) {
  for (int64_t m = from; m < to; m++) {
    const float* row = a.data + (rows ? rows[m] : m) * a.row;
    for (int64_t k0 = 0; k0 < K; k0 += KC) {
      uint16_t* out = reinterpret_cast<uint16_t*>(words + (k0 / KC * M + m) * PITCH);
      const int64_t kc = std::min(KC, K - k0);
      vectors(kc, [&](int64_t i, auto lanes) {
        const VI upper = rounded(load(row + k0 + i, lanes));
        uint16_t halves[W];
        for (int lane = 0; lane < W; lane++) halves[lane] = static_cast<uint16_t>(static_cast<uint32_t>(upper[lane]) >> 16);
        std::memcpy(out + i, halves, sizeof halves);  // KC is a multiple of W: what is too much is inside the block
      });
      const int64_t written = (kc + W - 1) / W * W;
      std::fill(out + written, out + 2 * wordCount(kc), uint16_t{0});
    }
  }
}

void roundBlock(const float* block, int64_t kc, uint32_t* words) {
  float* out = reinterpret_cast<float*>(words);
  for (int64_t k = 0; k < 2 * wordCount(kc); k += 2, out += NR)
    for (int half = 0; half < NR; half += W) {
      const V first = k < kc ? load(block + k * NR + half) : V{};
      const V second = k + 1 < kc ? load(block + (k + 1) * NR + half) : V{};
      store(out + half, bits(rounded(second) | lowered(rounded(first))));
    }
}

void multiplyWords(int64_t rows, int64_t words, const uint32_t* a, const uint32_t* b, float* const* c, int64_t columns,
                   bool add, const float* bias) {
  DOTS.of[rows](words, a, b, c, columns, add, bias);
}

#else

// The others are never called where this is false.
bool hasBfloat16() { return false; }
void roundRows(View, const int64_t*, int64_t, int64_t, int64_t, int64_t, uint32_t*) {}
void roundBlock(const float*, int64_t, uint32_t*) {}
void multiplyWords(int64_t, int64_t, const uint32_t*, const uint32_t*, float* const*, int64_t, bool, const float*) {}

#endif

}  // namespace inseq
