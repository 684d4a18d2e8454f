// Products with fewer bits: each precision errs by what its mantissa allows, and no less, or it was not used.

#include "cases.h"
#include "support.h"

namespace {

constexpr int64_t M = 7, I = 129, O = 33;

/** Largest error of x W, relative to the largest result. */
double errorOf(const Floats& x, const Floats& w, int64_t packed, bool linear) {
  const Floats y = once("precision", M * O, [&](float* out) {
    return linear ? inseq_linear(on(x), on(w, packed == 0), packed, nullptr, M, I, O, 0, 0, INSEQ_LINEAR, nullptr, out)
                  : inseq_matmul(on(x), on(w), 1, M, O, I, 0, 0, 0, 0, out);
  });
  double error = 0, largest = 0;
  for (int64_t m = 0; m < M; m++)
    for (int64_t o = 0; o < O; o++) {
      double exact = 0;
      for (int64_t i = 0; i < I; i++) exact += double(x[m * I + i]) * w[i * O + o];
      error = std::max(error, std::fabs(y[m * O + o] - exact));
      largest = std::max(largest, std::fabs(exact));
    }
  return error / largest;
}

void expectBetween(const std::string& name, double error, double from, double to) {
  comparisons++;
  if (error < from || error > to) report(name, "an error of " + std::to_string(error * 1e6) + " millionths");
}

/** Every number of x W or x Wᵀ within 2⁻⁸ (two roundings of 2⁻⁹) of Σ |x| |w|, and the same bits alone and for any number of threads. */
void testRounded(int64_t M, int64_t K, int64_t N, bool transposed, bool pack) {
  const std::string name = sizes("high linear", {M, K, N, transposed, pack});
  const Floats x = random(M * K), w = random(K * N), bias = random(N);
  int64_t packed = 0;
  if (pack) expectOk(name, inseq_pack(on(w), transposed ? N : K, transposed ? K : N, &packed));
  const auto product = [&](const float* rows, int64_t count, float* out) {
    return inseq_linear(rows, on(w), packed, on(bias), count, K, N, transposed, 0, INSEQ_LINEAR, nullptr, out);
  };
  const Floats y = withThreads(name, M * N, [&](float* out) { return product(on(x), M, out); });
  const Floats alone = once(name, N, [&](float* out) { return product(on(x) + (M - 1) * K, 1, out); });
  comparisons++;
  if (std::memcmp(alone.data(), y.data() + (M - 1) * N, N * sizeof(float)) != 0) report(name, "a row alone differs");
  double worst = 0, error = 0;
  for (int64_t m = 0; m < M; m++)
    for (int64_t n = 0; n < N; n++) {
      double exact = bias[n], magnitude = std::fabs(bias[n]);
      for (int64_t k = 0; k < K; k++) {
        const double term = double(x[m * K + k]) * w[transposed ? n * K + k : k * N + n];
        exact += term;
        magnitude += std::fabs(term);
      }
      error = std::max(error, std::fabs(y[m * N + n] - exact));
      worst = std::max(worst, std::fabs(y[m * N + n] - exact) / magnitude);
    }
  expectBetween(name, worst, 0, 1.0 / 256);
  // Rounded they were, or the precision was not used; a single number may happen to need no rounding.
  if (M * N > 1) expectBetween(name, error, 1e-5, 1e9);
  if (pack) expectOk(name, inseq_unpack(packed));
}

/** "high" on a CPU: bfloat16 where the processor has it, float32 elsewhere. */
void testHost() {
  const Floats x = random(M * I), w = random(I * O);
  expectError("bfloat16 on a CPU", inseq_set_precision(INSEQ_BFLOAT16_PRECISION), "received 2");
  expectOk("high", inseq_set_precision(INSEQ_HIGH_PRECISION));
  if (inseq_precision() == INSEQ_FLOAT32_PRECISION) return expectBetween("high", errorOf(x, w, 0, true), 0, 1e-6);
  // More than one block of K, odd ones, and pieces of tiles and panels.
  const int64_t sizesMKN[][3] = {{1, 1, 1}, {15, 17, 33}, {29, 1023, 31}, {7, 1537, 65}};
  for (const auto& size : sizesMKN)
    for (int flags = 0; flags < 4; flags++) testRounded(size[0], size[1], size[2], flags & 1, flags & 2);
  const Floats values = {NAN, INFINITY, -INFINITY, 1.00390625f, 1.01171875f, -0.0f, 3.3e38f, 1e-40f}, one = {1};
  const Doubles rounded = {NAN, INFINITY, -INFINITY, 1.0, 1.015625, 0, 3.29648543e38, 0};
  expectClose("bfloat16 of NaN, infinity, halves, a number too small",
              once("high", 8, [&](float* y) { return inseq_linear(on(values), on(one), 0, nullptr, 8, 1, 1, 0, 0, INSEQ_LINEAR, nullptr, y); }),
              rounded, 1e-6);
  expectBetween("matmul stays float32", errorOf(x, w, 0, false), 0, 1e-6);
  expectOk("float32", inseq_set_precision(INSEQ_FLOAT32_PRECISION));
  expectBetween("float32 again", errorOf(x, w, 0, true), 0, 1e-6);
}

}  // namespace

void testPrecision() {
  const Floats x = random(M * I), w = random(I * O);
  expectError("set precision", inseq_set_precision(7), "received 7");
  expectBetween("float32", errorOf(x, w, 0, true), 0, 1e-6);
  if (onHost()) return testHost();
  // Factors err by up to 2⁻¹¹ (TF32) or 2⁻⁸ (bfloat16), sums of 129 products by less.
  expectOk("high", inseq_set_precision(INSEQ_HIGH_PRECISION));
  for (const bool linear : {true, false}) expectBetween("high", errorOf(x, w, 0, linear), 1e-5, 1.0 / 2048);

  expectOk("bfloat16", inseq_set_precision(INSEQ_BFLOAT16_PRECISION));
  expectBetween("bfloat16 matmul", errorOf(x, w, 0, false), 1e-5, 1.0 / 256);
  int64_t handle = 0;
  expectOk("pack", inseq_pack(on(w), I, O, &handle));
  comparisons++;
  if (inseq_packed_bytes() != I * O * 2) report("pack", "expected two bytes for each number");
  expectBetween("bfloat16 packed", errorOf(x, w, handle, true), 1e-4, 1.0 / 256);
  const Floats kept = once("read packed", I * O, [&](float* out) { return inseq_read_packed(handle, I, O, out); });
  Doubles exact(w.begin(), w.end());
  expectClose("bfloat16 weights", kept, exact, 1.0 / 256);
  // Halves go to the even neighbour; what is too large for float32's own rounding is not here.
  const Floats odd = {NAN, INFINITY, -INFINITY, 1.00390625f, 1.01171875f, -0.0f, 3.00405527e38f, 9.18354962e-41f};
  const Doubles rounded = {NAN, INFINITY, -INFINITY, 1.0, 1.015625, 0, 3.00405527e38f, 9.18354962e-41f};
  int64_t few = 0;
  expectOk("pack", inseq_pack(on(odd), 2, 4, &few));
  expectClose("bfloat16 of NaN, infinity, halves",
              once("read", 8, [&](float* out) { return inseq_read_packed(few, 2, 4, out); }), rounded, 0);
  expectOk("unpack", inseq_unpack(few));
  expectOk("unpack", inseq_unpack(handle));
  expectOk("float32", inseq_set_precision(INSEQ_FLOAT32_PRECISION));
  expectBetween("float32 again", errorOf(x, w, 0, true), 0, 1e-6);
}
