// Layer normalisation (src/ops/layerNorm.ts), over rows of D numbers:
//
//   μ = mean(x), σ² = mean((x − μ)²), x̂ = (x − μ) / √(σ² + ε), y = x̂ · scale + bias
//
// One row at a time stays in the first-level cache: one pass for μ, one for σ², one for y. All in float32.

#include <cmath>

#include "gemm.h"
#include "status.h"
#include "threads.h"

namespace inseq {
namespace {

constexpr int64_t GRAIN = 16384;  // numbers worth a thread

/** x − μ of one row, and 1 / √(σ² + ε), which makes x̂ of it. */
float center(const float* x, int64_t D, float epsilon, float* centered) {
  V total{};
  vectors(D, [&](int64_t i, auto lanes) { total += load(x + i, lanes); });
  const float mean = sumLanes(total) / static_cast<float>(D);
  V squares{};
  vectors(D, [&](int64_t i, auto lanes) {
    const V difference = keep(load(x + i, lanes) - mean, V{}, lanes);
    squares += difference * difference;
    store(centered + i, difference, lanes);
  });
  return 1.0f / std::sqrt(sumLanes(squares) / static_cast<float>(D) + epsilon);
}

}  // namespace
}  // namespace inseq

extern "C" {

int inseq_layer_norm(const float* x, const float* scale, const float* bias, int64_t R, int64_t D, float epsilon,
                     float* y) {
  using namespace inseq;
  CHECK(R >= 0 && D >= 0, "layerNorm: expected sizes that are not negative, received R=%lld, D=%lld", (long long)R,
        (long long)D);
  return guarded("layerNorm", [&] {
    parallelRanges(R, GRAIN / (D + 1) + 1, [&](int64_t from, int64_t to) {
      for (int64_t r = from; r < to; r++) {
        float* out = y + r * D;
        const float inverse = center(x + r * D, D, epsilon, out);
        vectors(D, [&](int64_t i, auto lanes) {
          const V normalized = load(out + i, lanes) * inverse;
          store(out + i, normalized * load(scale + i, lanes) + load(bias + i, lanes), lanes);
        });
      }
    });
  });
}

// With g = dy · scale (from y = x̂ · scale + bias) and x̂ = (x − μ) / √(σ² + ε):
//   dx = (g − mean(g) − x̂ · mean(g · x̂)) / √(σ² + ε)
int inseq_layer_norm_backward(const float* dy, const float* x, const float* scale, int64_t R, int64_t D, float epsilon,
                              int64_t times, int64_t block, float* dx) {
  using namespace inseq;
  CHECK(R >= 0 && D > 0 && times > 0 && block > 0 && block % D == 0 && R * D % block == 0,
        "layerNormBackward: expected rows [R, D] in whole blocks, received R=%lld, D=%lld, times=%lld, block=%lld",
        (long long)R, (long long)D, (long long)times, (long long)block);
  return guarded("layerNormBackward", [&] {
    parallelRanges(R, GRAIN / (D * times + 1) + 1, [&](int64_t from, int64_t to) {
      thread_local Scratch scratch;
      float* normalized = scratch.get(D);
      for (int64_t r = from; r < to; r++) {
        const float inverse = center(x + r * D, D, epsilon, normalized);
        vectors(D, [&](int64_t i, auto lanes) { store(normalized + i, load(normalized + i, lanes) * inverse, lanes); });
        for (int64_t j = 0; j < times; j++) {
          const int64_t at = (r * D / block * times + j) * block + r * D % block;
          V sumG{}, sumGx{};
          vectors(D, [&](int64_t i, auto lanes) {
            const V g = load(dy + at + i, lanes) * load(scale + i, lanes);
            store(dx + at + i, g, lanes);
            sumG += g;
            sumGx += g * load(normalized + i, lanes);
          });
          const float meanG = sumLanes(sumG) / static_cast<float>(D), meanGx = sumLanes(sumGx) / static_cast<float>(D);
          // g as it was added up: one that is not rounded, in a fused multiply-add, would leave a gradient of one number.
          vectors(D, [&](int64_t i, auto lanes) {
            const V g = load(dx + at + i, lanes);
            store(dx + at + i, (g - meanG - load(normalized + i, lanes) * meanGx) * inverse, lanes);
          });
        }
      }
    });
  });
}
}
