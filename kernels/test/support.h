// A small test harness: cases by name, random inputs, comparison with double precision, and the same bits for any number
// of threads.

#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "../include/inseq_kernels.h"

using Floats = std::vector<float>;
using Doubles = std::vector<double>;
using Ints = std::vector<int32_t>;

inline int failures = 0;
inline int comparisons = 0;

/** Uniform in (−1, 1), the same on every machine. */
inline Floats random(int64_t n) {
  static uint64_t state = 88172645463325252ull;
  Floats x(static_cast<size_t>(n));
  for (float& v : x) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    v = static_cast<float>(static_cast<int64_t>(state >> 40) - (1 << 23)) / static_cast<float>(1 << 23);
  }
  return x;
}

inline void report(const std::string& name, const std::string& what) {
  std::printf("FAILED %s [%s]: %s\n", name.c_str(), inseq_instruction_set(), what.c_str());
  failures++;
}

/** |actual − expected| ≤ tolerance · (largest |expected| of the tensor, at least `floor`); NaN equals only NaN. */
inline void expectClose(const std::string& name, const Floats& actual, const Doubles& expected, double tolerance,
                        double floor = 1e-3) {
  comparisons++;
  if (actual.size() != expected.size()) return report(name, "sizes differ");
  double scale = floor;
  for (double e : expected)
    if (std::isfinite(e)) scale = std::max(scale, std::fabs(e));
  for (size_t i = 0; i < actual.size(); i++) {
    const double a = actual[i], e = expected[i];
    if (std::isnan(a) && std::isnan(e)) continue;
    if (std::isinf(e) ? a == e : std::fabs(a - e) <= tolerance * scale) continue;
    char text[200];
    std::snprintf(text, sizeof text, "number %zu of %zu: expected %.9g, received %.9g (tolerance %.2g of %.3g)", i,
                  actual.size(), e, a, tolerance, scale);
    return report(name, text);
  }
}

inline void expectOk(const std::string& name, int status) {
  comparisons++;
  if (status != INSEQ_OK) report(name, inseq_message());
}

/** The call fails, with a message that contains the text. */
inline void expectError(const std::string& name, int status, const std::string& text) {
  comparisons++;
  if (status == INSEQ_OK) return report(name, "expected an error, received none");
  if (std::string(inseq_message()).find(text) == std::string::npos) {
    report(name, "expected a message with \"" + text + "\", received \"" + inseq_message() + "\"");
  }
}

/** Runs a kernel with 1 to 4 threads: the outputs must be the same bits. Outputs start as NaN, so none may be left out. */
inline Floats withThreads(const std::string& name, int64_t size, const std::function<int(float*)>& kernel) {
  Floats first;
  for (int threads = 1; threads <= 4; threads++) {
    inseq_set_threads(threads);
    Floats output(static_cast<size_t>(size), std::nanf(""));
    expectOk(name, kernel(output.data()));
    if (threads == 1) {
      first = output;
    } else if (size > 0 && std::memcmp(first.data(), output.data(), first.size() * sizeof(float)) != 0) {
      report(name, "not the same bits with " + std::to_string(threads) + " threads");
    }
  }
  return first;
}

inline std::string sizes(const std::string& op, std::initializer_list<int64_t> numbers) {
  std::string text = op;
  for (int64_t n : numbers) text += " " + std::to_string(n);
  return text;
}
