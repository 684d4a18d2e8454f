// What attribution methods compute, against plain loops in double precision.

#include "cases.h"
#include "support.h"

namespace {

void testPathPoints() {
  for (const int64_t size : {1, 36, 1023}) {
    const int64_t K = 5;
    const Floats x = random(size), baseline = random(size), fractions = {0, 1, 0.25f, 0.7f, -0.5f};
    Doubles expected;
    for (const float fraction : fractions)
      for (int64_t i = 0; i < size; i++)
        expected.push_back(baseline[i] + double(fraction) * (double(x[i]) - baseline[i]));
    expectClose(
        sizes("path points", {size}),
        withThreads("path points", K * size,
                    [&](float* y) { return inseq_path_points(on(x), on(baseline), on(fractions), K, size, y); }),
        expected, 2e-7);
  }
  expectError("path points", inseq_path_points(nullptr, nullptr, nullptr, -1, 1, nullptr), "K=-1");
}

void testGradientTimesInput() {
  for (const int64_t D : {1, 17, 64, 1023, 2051}) {
    for (const int64_t times : {1, 3}) {
      const int64_t R = 6, rows = 3, block = rows * D;
      const Floats x = random(R * D), dy = random(R * times * D);
      Doubles expected(static_cast<size_t>(R * times));
      for (int64_t r = 0; r < R * times; r++) {
        const int64_t saved = r / rows / times * rows + r % rows;
        for (int64_t d = 0; d < D; d++) expected[r] += double(dy[r * D + d]) * x[saved * D + d];
      }
      const std::string name = sizes("gradient times input", {D, times});
      expectClose(
          name,
          withThreads(name, R * times,
                      [&](float* y) { return inseq_gradient_times_input(on(dy), on(x), R, D, times, block, y); }),
          expected, 2e-6);
    }
  }
  expectError("gradient times input", inseq_gradient_times_input(nullptr, nullptr, 3, 2, 1, 4, nullptr), "block=4");
}

void testWeightedSum() {
  for (const int64_t size : {1, 36, 1023}) {
    const int64_t K = 7;
    const Floats x = random(K * size), weights = random(K), before = random(size);
    for (const bool accumulate : {false, true}) {
      Doubles expected(static_cast<size_t>(size));
      for (int64_t i = 0; i < size; i++) {
        expected[i] = accumulate ? before[i] : 0;
        for (int64_t k = 0; k < K; k++) expected[i] += double(weights[k]) * x[k * size + i];
      }
      const std::string name = sizes("weighted sum", {size, accumulate});
      expectClose(name,
                  withThreads(name, size,
                              [&](float* y) {
                                if (accumulate)
                                  expectOk(name, inseq_upload(before.data(), reinterpret_cast<int64_t>(y), size * 4));
                                return inseq_weighted_sum(on(x), on(weights), K, size, accumulate, y);
                              }),
                  expected, 1e-6);
    }
  }
}

/** Every 16-bit number; what a float16 is worth is computed from its fields. */
void testWiden() {
  std::vector<uint16_t> all(65536);
  Doubles half, brain;
  for (int i = 0; i < 65536; i++) {
    all[i] = static_cast<uint16_t>(i);
    const int exponent = i >> 10 & 31, mantissa = i & 1023;
    double value = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    if (exponent == 31) value = mantissa == 0 ? INFINITY : NAN;
    half.push_back(i & 32768 ? -value : value);
    const int wide = i >> 7 & 255, fraction = i & 127;
    value = wide == 0 ? std::ldexp(fraction, -133) : std::ldexp(128 + fraction, wide - 134);
    if (wide == 255) value = fraction == 0 ? INFINITY : NAN;
    brain.push_back(i & 32768 ? -value : value);
  }
  for (const int type : {INSEQ_BFLOAT16, INSEQ_FLOAT16}) {
    const Floats y = withThreads("widen", 65536, [&](float* out) { return inseq_widen(on(all), type, 65536, out); });
    const Doubles& expected = type == INSEQ_BFLOAT16 ? brain : half;
    int64_t wrong = 0;
    for (size_t i = 0; i < y.size(); i++) {
      wrong += std::isnan(expected[i]) ? !std::isnan(y[i]) : y[i] != static_cast<float>(expected[i]);
    }
    comparisons++;
    if (wrong > 0) report("widen", std::to_string(wrong) + " of 65536 numbers are not what they were");
  }
  expectError("widen", inseq_widen(nullptr, 7, 0, nullptr), "received 0 and 7");
}

void testNorms() {
  for (const int64_t N : {1, 17, 1023, 70001}) {
    for (const int64_t inner : {1, 5}) {
      const int64_t outer = 2;
      const Floats x = random(outer * N * inner);
      for (const int kind : {INSEQ_MIN, INSEQ_L1, INSEQ_L2}) {
        Doubles expected(static_cast<size_t>(outer * inner), kind == INSEQ_MIN ? INFINITY : 0);
        for (int64_t o = 0; o < outer; o++)
          for (int64_t n = 0; n < N; n++)
            for (int64_t i = 0; i < inner; i++) {
              const double v = x[(o * N + n) * inner + i];
              double& total = expected[o * inner + i];
              total = kind == INSEQ_MIN ? std::min(total, v) : total + (kind == INSEQ_L1 ? std::fabs(v) : v * v);
            }
        if (kind == INSEQ_L2)
          for (double& total : expected) total = std::sqrt(total);
        const std::string name = sizes("reduce", {kind, N, inner});
        // A sum of 70001 numbers one after the other loses some more digits than a shorter one.
        expectClose(
            name,
            withThreads(name, outer * inner, [&](float* y) { return inseq_reduce(on(x), kind, outer, N, inner, y); }),
            expected, N > 10000 ? 5e-5 : 4e-6);
      }
    }
  }
  expectError("reduce", inseq_reduce(nullptr, 6, 0, 0, 0, nullptr), "received 6");
}

}  // namespace

void testAttribution() {
  testPathPoints();
  testGradientTimesInput();
  testWeightedSum();
  testWiden();
  testNorms();
}
