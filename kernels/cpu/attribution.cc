// What attribution methods compute:
//
//   path points           y[k] = baseline + fractions[k] · (x − baseline)     (Sundararajan et al. 2017, arXiv 1703.01365)
//   gradient times input  y[r] = Σ_d dy[r, d] · x[r, d]
//   quadrature            y = (y +) Σ_k weights[k] · x[k]

#include "status.h"
#include "threads.h"
#include "vector.h"

namespace inseq {
namespace {
constexpr int64_t GRAIN = 16384;  // numbers worth a thread
}
}  // namespace inseq

using namespace inseq;

extern "C" {

int inseq_path_points(const float* x, const float* baseline, const float* fractions, int64_t K, int64_t size,
                      float* y) {
  CHECK(K >= 0 && size >= 0, "pathPoints: expected sizes that are not negative, received K=%lld, size=%lld",
        (long long)K, (long long)size);
  return guarded("pathPoints", [&] {
    parallelRanges(size, GRAIN / (K + 1) + 1, [&](int64_t from, int64_t to) {
      for (int64_t k = 0; k < K; k++) {
        vectors(to - from, [&](int64_t i, auto lanes) {
          const V start = load(baseline + from + i, lanes);
          store(y + k * size + from + i, start + fractions[k] * (load(x + from + i, lanes) - start), lanes);
        });
      }
    });
  });
}

int inseq_gradient_times_input(const float* dy, const float* x, int64_t R, int64_t D, int64_t times, int64_t block,
                               float* y) {
  CHECK(R >= 0 && D > 0 && times > 0 && block > 0 && block % D == 0 && R * D % block == 0,
        "gradientTimesInput: expected rows [R, D] in whole blocks, received R=%lld, D=%lld, times=%lld, block=%lld",
        (long long)R, (long long)D, (long long)times, (long long)block);
  const int64_t rows = block / D;  // of a block
  return guarded("gradientTimesInput", [&] {
    parallelRanges(R * times, GRAIN / D + 1, [&](int64_t from, int64_t to) {
      for (int64_t r = from; r < to; r++) {
        const float *d = dy + r * D, *saved = x + (r / rows / times * rows + r % rows) * D;
        V total{};
        vectors(D, [&](int64_t i, auto lanes) { total += load(d + i, lanes) * load(saved + i, lanes); });
        y[r] = sumLanes(total);
      }
    });
  });
}

int inseq_weighted_sum(const float* x, const float* weights, int64_t K, int64_t size, int32_t accumulate, float* y) {
  CHECK(K >= 0 && size >= 0, "weightedSum: expected sizes that are not negative, received K=%lld, size=%lld",
        (long long)K, (long long)size);
  return guarded("weightedSum", [&] {
    parallelRanges(size, GRAIN / (K + 1) + 1, [&](int64_t from, int64_t to) {
      vectors(to - from, [&](int64_t i, auto lanes) {
        V total{};
        if (accumulate) total = load(y + from + i, lanes);
        for (int64_t k = 0; k < K; k++) total += weights[k] * load(x + k * size + from + i, lanes);
        store(y + from + i, total, lanes);
      });
    });
  });
}
}
