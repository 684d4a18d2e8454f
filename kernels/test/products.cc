// Linear layers of few and of many rows: as exact as float32 whatever way a processor multiplies, also of numbers that
// bfloat16 does not hold, and no work for rows of zeros.

#include "cases.h"
#include "support.h"

namespace {

/** Numbers of very different sizes: uniform in (−1, 1) times 2⁻ⁿ, n < `range`. */
Floats spread(int64_t n, int range) {
  Floats x = random(n);
  const Floats exponents = random(n);
  for (int64_t i = 0; i < n; i++) x[i] = std::ldexp(x[i], -static_cast<int>(std::fabs(exponents[i]) * range));
  return x;
}

Floats multiply(const std::string& name, const Floats& x, const Floats& w, int64_t M, int64_t K, int64_t N, bool skip) {
  return withThreads(name, M * N, [&](float* y) {
    return inseq_linear(on(x), on(w), 0, nullptr, M, K, N, 1, skip, INSEQ_LINEAR, nullptr, y);
  });
}

bool same(const Floats& a, const Floats& b, int64_t from, int64_t count) {
  for (int64_t i = from; i < from + count; i++)
    if (std::isnan(a[i]) != std::isnan(b[i]) || (!std::isnan(a[i]) && a[i] != b[i])) return false;
  return true;
}

/** The largest error of a product, over Σ |x| |w|. */
double errorOf(const Floats& x, const Floats& w, const Floats& y, int64_t M, int64_t K, int64_t N) {
  double worst = 0;
  for (int64_t m = 0; m < M; m++)
    for (int64_t n = 0; n < N; n++) {
      double exact = 0, magnitude = 0;
      for (int64_t k = 0; k < K; k++) {
        const double term = double(x[m * K + k]) * w[n * K + k];
        exact += term;
        magnitude += std::fabs(term);
      }
      worst = std::max(worst, std::fabs(y[m * N + n] - exact) / magnitude);
    }
  return worst;
}

void expectExact(const std::string& name, const Floats& x, const Floats& w, const Floats& y, int64_t M, int64_t K, int64_t N) {
  comparisons++;
  const double worst = errorOf(x, w, y, M, K, N);
  if (!(worst <= std::ldexp(1.0, -19))) report(name, "an error of " + std::to_string(worst * 1e6) + " millionths");
}

/** Every number within 2⁻¹⁹ of Σ |x| |w|: what float32 sums of 1601 numbers, added one by one, err by. */
void testError(int64_t M, int64_t K, int64_t N) {
  for (const int range : {1, 20}) {
    const std::string name = sizes("products", {M, K, N, range});
    const Floats x = spread(M * K, range), w = spread(N * K, range);
    expectExact(name, x, w, multiply(name, x, w, M, K, N, true), M, K, N);
  }
}

/**
 * A number a thousand times as large as the others of its row, where all columns are zero, takes nothing from what the others
 * give; the same of a column; nor do such rows change others.
 */
void testOutliers() {
  const int64_t M = FEW + 40, K = 769, N = 65, at = 500;
  const Floats plain = random(M * K), weights = random(N * K);
  Floats x = plain, w = weights;
  for (int64_t m = 0; m < M; m += 3) x[m * K + at] = 1000;
  for (int64_t n = 0; n < N; n++) w[n * K + at] = 0;
  const Floats y = multiply("rows with outliers", x, w, M, K, N, true);
  expectExact("rows with outliers", x, w, y, M, K, N);
  const Floats without = multiply("rows without", plain, w, M, K, N, true);
  comparisons++;
  for (int64_t m = 0; m < M; m++)
    if (m % 3 != 0 && !same(without, y, m * N, N)) report("rows with outliers", "row " + std::to_string(m) + " differs");
  x = plain, w = weights;
  for (int64_t m = 0; m < M; m++) x[m * K + at] = 0;
  for (int64_t n = 0; n < N; n += 3) w[n * K + at] = 1000;
  expectExact("columns with outliers", x, w, multiply("columns with outliers", x, w, M, K, N, true), M, K, N);
}

/** The same product in pieces of fewer rows than are multiplied on tiles. */
Floats multiplyFew(const std::string& name, const Floats& x, const Floats& w, int64_t M, int64_t K, int64_t N) {
  Floats y;
  for (int64_t from = 0; from < M; from += FEW) {
    const int64_t rows = std::min(FEW, M - from);
    const Floats piece(x.begin() + from * K, x.begin() + (from + rows) * K), z = multiply(name, piece, w, rows, K, N, true);
    y.insert(y.end(), z.begin(), z.end());
  }
  return y;
}

/** Rows that are too large, too small, infinite or NaN give what they give among few; others, what they give without those. */
void testExtremes() {
  const int64_t M = FEW + 40, K = 70, N = 35;
  const float extremes[] = {NAN, INFINITY, -INFINITY, 3.4e38f, 1e30f, 1e-30f, 1e-40f};
  Floats x = random(M * K), w = random(N * K);
  const Floats ordinary = multiply("ordinary rows", x, w, M, K, N, true);
  for (int64_t i = 0; i < 7; i++) {
    if (std::fabs(extremes[i]) < 1) std::fill_n(&x[5 * i * K], K, 0.0f);
    x[5 * i * K + 3 * i] = extremes[i];
  }
  const Floats few = multiplyFew("extreme rows", x, w, M, K, N);
  for (const bool skip : {false, true}) {
    const Floats y = multiply("extreme rows", x, w, M, K, N, skip);
    comparisons++;
    for (int64_t m = 0; m < M; m++)
      if (!same(m % 5 == 0 && m < 35 ? few : ordinary, y, m * N, N))
        report("extreme rows", "row " + std::to_string(m) + " differs");
  }
  for (const float extreme : extremes) {
    Floats odd = random(N * K);
    if (std::fabs(extreme) < 1) std::fill(odd.begin(), odd.end(), 0.0f);
    odd[17 * K + 5] = extreme;
    const Floats plain = random(M * K);
    comparisons++;
    const Floats few = multiplyFew("extreme weights", plain, odd, M, K, N);
    if (!same(few, multiply("extreme weights", plain, odd, M, K, N, true), 0, M * N))
      report("extreme weights", std::to_string(extreme) + ": not as among few rows");
  }
}

/** Zero rows anywhere give zeros, and leave the bits of the others, which depend on whether these are few or many. */
void testZeroRows() {
  const int64_t M = 2 * FEW + 77, K = 45, N = 33;
  const Floats w = random(N * K), dense = random(M * K), whole = multiply("zero rows", dense, w, M, K, N, true);
  const Floats few = multiplyFew("zero rows", dense, w, M, K, N);
  const auto check = [&](const char* which, auto isZero) {
    Floats x = dense;
    int64_t left = 0;
    for (int64_t m = 0; m < M; m++) {
      if (isZero(m)) std::fill_n(&x[m * K], K, m % 2 ? 0.0f : -0.0f);
      left += !isZero(m);
    }
    const Floats y = multiply(which, x, w, M, K, N, true), none(static_cast<size_t>(M * N));
    comparisons++;
    for (int64_t m = 0; m < M; m++)
      if (!same(isZero(m) ? none : left <= FEW ? few : whole, y, m * N, N)) report(which, "row " + std::to_string(m) + " differs");
  };
  check("no zero rows", [](int64_t) { return false; });
  check("all zero rows", [](int64_t) { return true; });
  check("first zero rows", [](int64_t m) { return m < 33; });
  check("as many as are few", [](int64_t m) { return m >= FEW; });
  check("one more", [](int64_t m) { return m > FEW; });
  check("one row", [](int64_t m) { return m != 31; });
  check("every other row zero", [](int64_t m) { return m % 2 == 0; });
}

}  // namespace

void testProducts() {
  const int64_t sizesMKN[][3] = {{1, 1, 1},   {33, 769, 65},  {FEW, 33, 31},   {FEW + 1, 1, 1},
                                 {96, 32, 32}, {97, 769, 65}, {112, 1601, 129}, {1031, 37, 33}};
  for (const auto& size : sizesMKN) testError(size[0], size[1], size[2]);
  testOutliers();
  testZeroRows();
  if (onHost()) testExtremes();
}
