// Vectors of float32 as wide as the machine's registers, and exp, tanh, erf on them.
//
// The compiler's vector extension is used, so one source serves AVX-512, AVX2, SSE and NEON: a library is compiled once
// for each instruction set, and the width follows from the flags. Error bounds, measured over the whole range by
// kernels/test: exp 2 ulp, tanh 3 ulp, erf 3 ulp of the correctly rounded result (results below 1e-37 may be flushed).

#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

namespace inseq {

#if defined(__AVX512F__)
constexpr int W = 16;
#elif defined(__AVX2__)
constexpr int W = 8;
#else
constexpr int W = 4;
#endif

typedef float V __attribute__((vector_size(4 * W)));
typedef int32_t VI __attribute__((vector_size(4 * W)));

inline V load(const float* p) {
  V v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, V v) { std::memcpy(p, &v, sizeof v); }
/** How many lanes of a vector count: all of them, or the first n < W. */
struct All {};
struct Some {
  int64_t n;
};
inline V load(const float* p, All) { return load(p); }
/** Zeros in the lanes that do not count. */
inline V load(const float* p, Some some) {
  V v{};
  std::memcpy(&v, p, static_cast<size_t>(some.n) * sizeof(float));
  return v;
}
inline void store(float* p, V v, All) { store(p, v); }
inline void store(float* p, V v, Some some) { std::memcpy(p, &v, static_cast<size_t>(some.n) * sizeof(float)); }
inline V keep(V v, V, All) { return v; }
/** v in the lanes that count, `other` in those that do not. */
inline V keep(V v, V other, Some some) {
  store(reinterpret_cast<float*>(&other), v, some);
  return other;
}
/** f(i, lanes) for the vectors of n numbers. */
template <typename F>
inline void vectors(int64_t n, F f) {
  int64_t i = 0;
  for (; i + W <= n; i += W) f(i, All{});
  if (i < n) f(i, Some{n - i});
}
/** x in every lane (x − 0 keeps the sign of −0). */
inline V splat(float x) { return x - V{}; }
inline V bits(VI i) {
  V v;
  std::memcpy(&v, &i, sizeof v);
  return v;
}
inline VI bits(V v) {
  VI i;
  std::memcpy(&i, &v, sizeof i);
  return i;
}
inline V vabs(V x) { return bits(bits(x) & 0x7fffffff); }
/** |a| with the sign of b. */
inline V copySign(V a, V b) { return bits((bits(a) & 0x7fffffff) | (bits(b) & static_cast<int32_t>(0x80000000))); }
/** NaN in b wins. */
inline V vmax(V a, V b) { return a > b ? a : b; }

/** Lanes added in one fixed order: halves upon halves. */
inline float sumLanes(V v) {
  float x[W];
  store(x, v);
  for (int n = W / 2; n > 0; n /= 2)
    for (int i = 0; i < n; i++) x[i] += x[i + n];
  return x[0];
}
inline float maxLanes(V v) {
  float x[W];
  store(x, v);
  float m = x[0];
  for (int i = 1; i < W; i++) m = x[i] > m || x[i] != x[i] ? x[i] : m;
  return m;
}

template <size_t... I>
inline V interleave(V a, V b, size_t from, std::index_sequence<I...>) {
#if defined(__clang__)
  return from == 0 ? __builtin_shufflevector(a, b, (I / 2 + I % 2 * W)...)
                   : __builtin_shufflevector(a, b, (W / 2 + I / 2 + I % 2 * W)...);
#else
  const VI low = {static_cast<int32_t>(I / 2 + I % 2 * W)...};
  return from == 0 ? __builtin_shuffle(a, b, low) : __builtin_shuffle(a, b, low + W / 2);
#endif
}

/** Transposes W × W numbers: log₂ W rounds that interleave row i with row i + W/2. */
inline void transpose(V (&rows)[W]) {
  constexpr auto lanes = std::make_index_sequence<W>{};
#pragma GCC unroll 4
  for (int round = 1; round < W; round *= 2) {
    V next[W];
#pragma GCC unroll 8
    for (int i = 0; i < W / 2; i++) {
      next[2 * i] = interleave(rows[i], rows[i + W / 2], 0, lanes);
      next[2 * i + 1] = interleave(rows[i], rows[i + W / 2], 1, lanes);
    }
#pragma GCC unroll 16
    for (int i = 0; i < W; i++) rows[i] = next[i];
  }
}

/** Σ c_i xⁱ */
template <int N>
inline V polynomial(V x, const float (&c)[N]) {
  V p = splat(c[N - 1]);
  for (int i = N - 2; i >= 0; i--) p = p * x + c[i];
  return p;
}

/** eˣ = 2ⁿ eʳ with n = round(x / ln 2), |r| ≤ ln 2 / 2, eʳ = 1 + r + r² P(r). */
inline V vexp(V x) {
  constexpr float ROUND = 12582912.0f;  // 1.5 · 2²³: adding it rounds to an integer, whose value is in the low bits
  constexpr float LN2_HIGH = 0.693359375f, LN2_LOW = -2.12194440e-4f;  // ln 2 in two parts, the first exact times n
  static constexpr float P[] = {0.5f, 0.16666515f, 0.04166626f, 0.00836924f, 0.0013946588f};
  x = x > 89.0f ? splat(89.0f) : x;      // 2ⁿ overflows to ∞ by itself
  x = x < -104.0f ? splat(-104.0f) : x;  // and vanishes to 0
  const V shifted = x * 1.44269504f + ROUND;
  const VI n = bits(shifted) - bits(splat(ROUND));
  const V whole = shifted - ROUND;
  const V r = (x - whole * LN2_HIGH) - whole * LN2_LOW;
  const V p = 1.0f + (r + r * r * polynomial(r, P));
  // In two steps, as n may lie outside the exponents of normal numbers.
  const VI half = n >> 1;
  return p * bits((half + 127) << 23) * bits((n - half + 127) << 23);
}

/** x + x³ P(x²) near zero, 1 − 2 / (e^(2|x|) + 1) elsewhere. */
inline V vtanh(V x) {
  static constexpr float P[] = {-0.3333333f,  0.13333207f,  -0.053946722f,
                                0.021699514f, -0.00817254f, 0.0021370547f};
  const V a = vabs(x), square = x * x;
  const V small = x + x * square * polynomial(square, P);
  const V large = copySign(1.0f - 2.0f / (vexp(a + a) + 1.0f), x);
  return a < 0.625f ? small : (a != a ? x : large);
}

/** x P(x²) for |x| < 1, 1 − e^(−x²) t Q(t) with t = 1 / |x| elsewhere. */
inline V verf(V x) {
  static constexpr float P[] = {1.1283792f,    -0.37612638f,    0.112837836f,   -0.026865475f,
                                0.0052211382f, -0.0008485434f, 0.00011274707f, -9.689663e-06f};
  static constexpr float Q[] = {0.56134135f,  0.035186835f, -0.46699318f,  0.516647f,
                                -0.29673606f, 0.08529431f,  -0.005056269f, -0.0021004174f};
  const V a = vabs(x), square = x * x;
  const V small = x * polynomial(square, P);
  const V clipped = a > 4.2f ? splat(4.2f) : (a < 1.0f ? splat(1.0f) : a);  // erf(4.2) rounds to 1
  const V t = 1.0f / clipped;
  const V large = copySign(1.0f - vexp(-(clipped * clipped)) * t * polynomial(t, Q), x);
  return a < 1.0f ? small : (a != a ? x : large);
}

/** 1 / (1 + e⁻ˣ) */
inline V vsigmoid(V x) { return 1.0f / (1.0f + vexp(-x)); }

}  // namespace inseq
