// Root-mean-square normalisation (src/ops/rmsNorm.ts), over rows of D numbers:
//
//   x̂ = x / √(mean(x²) + ε), y = x̂ · scale
//
// One row at a time: one pass for the mean square, one for y.

#include <cmath>

#include "status.h"
#include "threads.h"
#include "vector.h"

namespace inseq {
namespace {

constexpr int64_t GRAIN = 16384;  // numbers worth a thread

/** 1 / √(mean(x²) + ε) */
float inverseRms(const float* x, int64_t D, float epsilon) {
  V squares{};
  vectors(D, [&](int64_t i, auto lanes) {
    const V v = load(x + i, lanes);
    squares += v * v;
  });
  return 1.0f / std::sqrt(sumLanes(squares) / static_cast<float>(D) + epsilon);
}

}  // namespace
}  // namespace inseq

extern "C" {

int inseq_rms_norm(const float* x, const float* scale, int64_t R, int64_t D, float epsilon, float* y) {
  using namespace inseq;
  CHECK(R >= 0 && D >= 0, "rmsNorm: expected sizes that are not negative, received R=%lld, D=%lld", (long long)R,
        (long long)D);
  return guarded("rmsNorm", [&] {
    parallelRanges(R, GRAIN / (D + 1) + 1, [&](int64_t from, int64_t to) {
      for (int64_t r = from; r < to; r++) {
        const float inverse = inverseRms(x + r * D, D, epsilon);
        vectors(D, [&](int64_t i, auto lanes) {
          store(y + r * D + i, load(x + r * D + i, lanes) * inverse * load(scale + i, lanes), lanes);
        });
      }
    });
  });
}

// With g = dy · scale (from y = x̂ · scale) and x̂ = x / √(mean(x²) + ε):
//   dx = (g − x̂ · mean(g · x̂)) / √(mean(x²) + ε)
int inseq_rms_norm_backward(const float* dy, const float* x, const float* scale, int64_t R, int64_t D, float epsilon,
                            int64_t times, int64_t block, float* dx) {
  using namespace inseq;
  CHECK(R >= 0 && D > 0 && times > 0 && block > 0 && block % D == 0 && R * D % block == 0,
        "rmsNormBackward: expected rows [R, D] in whole blocks, received R=%lld, D=%lld, times=%lld, block=%lld",
        (long long)R, (long long)D, (long long)times, (long long)block);
  return guarded("rmsNormBackward", [&] {
    parallelRanges(R, GRAIN / (D * times + 1) + 1, [&](int64_t from, int64_t to) {
      for (int64_t r = from; r < to; r++) {
        const float* row = x + r * D;
        const float inverse = inverseRms(row, D, epsilon);
        for (int64_t j = 0; j < times; j++) {
          const int64_t at = (r * D / block * times + j) * block + r * D % block;
          V sumGx{};
          vectors(D, [&](int64_t i, auto lanes) {
            sumGx += load(dy + at + i, lanes) * load(scale + i, lanes) * (load(row + i, lanes) * inverse);
          });
          const float meanGx = sumLanes(sumGx) / static_cast<float>(D);
          vectors(D, [&](int64_t i, auto lanes) {
            const V g = load(dy + at + i, lanes) * load(scale + i, lanes);
            store(dx + at + i, (g - load(row + i, lanes) * inverse * meanGx) * inverse, lanes);
          });
        }
      }
    });
  });
}
}
