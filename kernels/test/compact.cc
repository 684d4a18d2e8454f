// Products with matrices in fewer bits, against plain loops in double precision over codes that are written here.

#include <cmath>
#include <cstring>

#include "cases.h"
#include "support.h"

namespace {

/** A matrix [I, O] of random codes, and its numbers. */
struct Coded {
  std::vector<int32_t> words;
  Floats scales;
  Doubles numbers;
};

Coded coded(int32_t format, int64_t I, int64_t O) {
  const int64_t rowBytes = format == INSEQ_INT8 ? O : format == INSEQ_INT4 ? (O + 1) / 2 : 2 * O;
  const int64_t groups = format == INSEQ_INT8 ? 1 : format == INSEQ_INT4 ? (I + 31) / 32 : 0;
  std::vector<uint8_t> bytes(static_cast<size_t>((I * rowBytes + 3) / 4 * 4));
  Coded made{std::vector<int32_t>(bytes.size() / 4), random(groups * O), Doubles(static_cast<size_t>(I * O))};
  const Floats drawn = random(I * O);
  for (int64_t i = 0; i < I; i++)
    for (int64_t o = 0; o < O; o++) {
      uint8_t* row = bytes.data() + i * rowBytes;
      const float u = drawn[i * O + o];
      double& number = made.numbers[i * O + o];
      if (format == INSEQ_INT8) {
        const int code = static_cast<int>(std::lround(std::fmod(u * 1000, 127)));
        row[o] = static_cast<uint8_t>(code);
        number = double(code) * made.scales[o];
      } else if (format == INSEQ_INT4) {
        const int code = static_cast<int>(std::lround(std::fabs(u) * 1000)) % 16;
        row[o / 2] = static_cast<uint8_t>(row[o / 2] | code << (o % 2 * 4));
        number = double(code - 8) * made.scales[i / 32 * O + o];
      } else {
        uint32_t bits;
        std::memcpy(&bits, &u, 4);
        bits &= 0xffff0000u;
        row[2 * o] = static_cast<uint8_t>(bits >> 16);
        row[2 * o + 1] = static_cast<uint8_t>(bits >> 24);
        float value;
        std::memcpy(&value, &bits, 4);
        number = value;
      }
    }
  std::memcpy(made.words.data(), bytes.data(), bytes.size());
  return made;
}

}  // namespace

void testCompact() {
  const int64_t sizesMIO[][3] = {{1, 1, 1}, {1, 7, 33}, {8, 33, 17}, {17, 1023, 65}, {5, 31, 1601}};
  for (const auto& size : sizesMIO) {
    const int64_t M = size[0], I = size[1], O = size[2];
    for (const int32_t format : {INSEQ_INT8, INSEQ_INT4, INSEQ_COMPACT_BFLOAT16}) {
      const Coded w = coded(format, I, O);
      for (int flags = 0; flags < 8; flags++) {
        const bool transposed = flags & 1, withBias = flags & 2, skip = flags & 4;
        const int64_t K = transposed ? O : I, N = transposed ? I : O;
        Floats x = random(M * K);
        if (skip) std::fill(x.begin() + M / 2 * K, x.end(), 0.0f);
        const Floats bias = random(N);
        Doubles expected(static_cast<size_t>(M * N));
        for (int64_t m = 0; m < M; m++)
          for (int64_t n = 0; n < N; n++) {
            double sum = withBias ? bias[n] : 0;
            for (int64_t k = 0; k < K; k++) sum += x[m * K + k] * w.numbers[transposed ? n * O + k : k * O + n];
            expected[m * N + n] = sum;
          }
        const std::string name = sizes("compact linear", {format, M, I, O, transposed, withBias, skip});
        const Floats y = withThreads(name, M * N, [&](float* out) {
          return inseq_compact_linear(on(x), on(w.words), on(w.scales, format != INSEQ_COMPACT_BFLOAT16), format,
                                      on(bias, withBias), M, I, O, transposed, skip, INSEQ_LINEAR, nullptr, out);
        });
        expectClose(name, y, expected, 2e-5);
        const Floats both = once(name, 2 * M * N, [&](float* out) {
          return inseq_compact_linear(on(x), on(w.words), on(w.scales, format != INSEQ_COMPACT_BFLOAT16), format,
                                      on(bias, withBias), M, I, O, transposed, skip, INSEQ_GELU, out, out + M * N);
        });
        Doubles after;
        for (double z : expected) after.push_back(0.5 * z * (1 + std::erf(z / std::sqrt(2.0))));
        expectClose(name + ", before", Floats(both.begin(), both.begin() + M * N), expected, 2e-5);
        expectClose(name + ", after it", Floats(both.begin() + M * N, both.end()), after, 2e-5);
      }
    }
  }
  expectError("compact linear", inseq_compact_linear(nullptr, nullptr, nullptr, 9, nullptr, 1, 1, 1, 0, 0, 0, nullptr, nullptr),
              "known format");
}
