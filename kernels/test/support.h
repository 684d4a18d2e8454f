// A small test harness, for every implementation of the interface: cases by name, random inputs, copies to the
// library's memory and back, comparison with double precision, and the same bits in every run.

#pragma once

#include <algorithm>
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

/** A linear layer's rows that are never multiplied on tiles (cpu/tiles.h): more of them may have other bits. */
constexpr int64_t FEW = 95;

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

/** A copy of numbers in the library's memory, as long as this lives; null if they are not `present`. */
template <typename Number>
class OnDevice {
 public:
  OnDevice(const Number* numbers, size_t count, bool present) {
    if (!present) return;
    const int64_t bytes = static_cast<int64_t>(count * sizeof(Number));
    expectOk("allocate", inseq_allocate(bytes, &address_));
    expectOk("upload", inseq_upload(numbers, address_, bytes));
  }
  OnDevice(const OnDevice&) = delete;
  ~OnDevice() { inseq_free(address_); }
  operator const Number*() const { return reinterpret_cast<const Number*>(address_); }

 private:
  int64_t address_ = 0;
};

/** What a kernel reads: on(x). */
template <typename Number>
OnDevice<Number> on(const std::vector<Number>& numbers, bool present = true) {
  return OnDevice<Number>(numbers.data(), numbers.size(), present);
}

/** What a kernel writes. The numbers start as NaN, so none may be left out. */
inline Floats once(const std::string& name, int64_t size, const std::function<int(float*)>& kernel) {
  Floats output(static_cast<size_t>(size), std::nanf(""));
  const OnDevice<float> written(output.data(), output.size(), true);
  float* there = const_cast<float*>(static_cast<const float*>(written));
  expectOk(name, kernel(there));
  expectOk(name, inseq_download(reinterpret_cast<int64_t>(there), output.data(), size * 4));
  return output;
}

/** Whether the library computes on a GPU, a real one. */
inline bool onGpu() { return std::strcmp(inseq_instruction_set(), "cuda") == 0; }
/** Whether the library computes in threads of the host. */
inline bool onHost() { return std::strncmp(inseq_instruction_set(), "cuda", 4) != 0; }

/** A device tells of wrong ids only when it is waited for. */
inline int atLast(int status) { return status != INSEQ_OK ? status : inseq_synchronize(); }

/**
 * Runs a kernel several times: on the host with 1 to 4 threads, on the emulated device with its threads in other
 * orders. The outputs must be the same bits.
 */
inline Floats withThreads(const std::string& name, int64_t size, const std::function<int(float*)>& kernel) {
  Floats first;
  const int runs = onHost() ? 4 : 2;
  for (int run = 1; run <= runs; run++) {
    if (onHost()) inseq_set_threads(run);
    const Floats output = once(name, size, kernel);
    if (run == 1) {
      first = output;
    } else if (size > 0 && std::memcmp(first.data(), output.data(), first.size() * sizeof(float)) != 0) {
      report(name, "not the same bits in run " + std::to_string(run));
    }
  }
  return first;
}

inline std::string sizes(const std::string& op, std::initializer_list<int64_t> numbers) {
  std::string text = op;
  for (int64_t n : numbers) text += " " + std::to_string(n);
  return text;
}
