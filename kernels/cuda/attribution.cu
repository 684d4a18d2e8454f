// What attribution methods compute on the device:
//
//   path points           y[k] = baseline + fractions[k] · (x − baseline)     (Sundararajan et al. 2017, arXiv
//   1703.01365) gradient times input  y[r] = Σ_d dy[r, d] · x[r, d] quadrature            y = (y +) Σ_k weights[k] ·
//   x[k]

#include "rows.h"

namespace inseq {
namespace {

template <int WIDTH>
__global__ void pathPointsKernel(const float* x, const float* baseline, const float* fractions, int64_t groups,
                                 int64_t size, float* y) {
  EACH(i, groups) {
    const Division at = divide(i * WIDTH, size);
    const float fraction = fractions[at.quotient];
    const auto to = load<WIDTH>(x + at.rest), from = load<WIDTH>(baseline + at.rest);
    Vector<WIDTH> point;
    for (int k = 0; k < WIDTH; k++) point.at[k] = from.at[k] + fraction * (to.at[k] - from.at[k]);
    store<WIDTH>(y + i * WIDTH, point);
  }
}

template <int GROUP, int WIDTH>
__global__ void __launch_bounds__(groupThreads<GROUP>)
    gradientTimesInputKernel(const float* dy, const float* x, int64_t rows, int64_t D, int64_t times, int64_t block,
                             float* y) {
  const int64_t r = groupRow();
  float total = 0;
  if (r < rows) {
    const float* saved = x + savedPlace(r * D, times, block);
    ROW(i, D, GROUP, WIDTH) {
      const auto d = load<WIDTH>(dy + r * D + i), v = load<WIDTH>(saved + i);
      for (int k = 0; k < WIDTH; k++) total += d.at[k] * v.at[k];
    }
  }
  total = overGroup<SumRule, GROUP>(total);
  if (r < rows && threadIdx.x == 0) y[r] = total;
}

template <int WIDTH>
__global__ void weightedSumKernel(const float* x, const float* weights, int64_t K, int64_t groups, bool accumulate,
                                  float* y) {
  EACH(i, groups) {
    Vector<WIDTH> total = {};
    if (accumulate) total = load<WIDTH>(y + i * WIDTH);
    for (int64_t k = 0; k < K; k++) {
      const auto v = load<WIDTH>(x + k * groups * WIDTH + i * WIDTH);
      for (int n = 0; n < WIDTH; n++) total.at[n] += weights[k] * v.at[n];
    }
    store<WIDTH>(y + i * WIDTH, total);
  }
}

}  // namespace
}  // namespace inseq

using namespace inseq;

extern "C" {

int inseq_path_points(const float* x, const float* baseline, const float* fractions, int64_t K, int64_t size,
                      float* y) {
  constexpr const char* op = "pathPoints";
  CHECK(K >= 0 && size >= 0, "%s: expected sizes that are not negative, received K=%lld, size=%lld", op, (long long)K,
        (long long)size);
  TENSOR(op, x, size);
  TENSOR(op, baseline, size);
  TENSOR(op, fractions, K);
  TENSOR(op, y, K * size);
  if (K * size == 0) return INSEQ_OK;
  const bool four = size % 4 == 0 && aligned(x, baseline, y);
  const int64_t groups = K * size / (four ? 4 : 1);
  return launch(op, four ? pathPointsKernel<4> : pathPointsKernel<1>, blocksFor(groups), THREADS, 0, x, baseline,
                fractions, groups, size, y);
}

int inseq_gradient_times_input(const float* dy, const float* x, int64_t R, int64_t D, int64_t times, int64_t block,
                               float* y) {
  constexpr const char* op = "gradientTimesInput";
  CHECK(R >= 0 && D > 0 && times > 0 && block > 0 && block % D == 0 && R * D % block == 0,
        "%s: expected rows [R, D] in whole blocks, received R=%lld, D=%lld, times=%lld, block=%lld", op, (long long)R,
        (long long)D, (long long)times, (long long)block);
  TENSOR(op, dy, R * times * D);
  TENSOR(op, x, R * D);
  TENSOR(op, y, R * times);
  if (R == 0) return INSEQ_OK;
  const bool four = D % 4 == 0 && aligned(dy, x);
  return withGroups(R * times, D, [&](auto group, dim3 grid, dim3 threads) {
    constexpr int GROUP = decltype(group)::value;
    return launch(op, four ? gradientTimesInputKernel<GROUP, 4> : gradientTimesInputKernel<GROUP, 1>, grid, threads, 0,
                  dy, x, R * times, D, times, block, y);
  });
}

int inseq_weighted_sum(const float* x, const float* weights, int64_t K, int64_t size, int32_t accumulate, float* y) {
  constexpr const char* op = "weightedSum";
  CHECK(K >= 0 && size >= 0, "%s: expected sizes that are not negative, received K=%lld, size=%lld", op, (long long)K,
        (long long)size);
  TENSOR(op, x, K * size);
  TENSOR(op, weights, K);
  TENSOR(op, y, size);
  if (size == 0) return INSEQ_OK;
  const bool four = size % 4 == 0 && aligned(x, y);
  const int64_t groups = size / (four ? 4 : 1);
  return launch(op, four ? weightedSumKernel<4> : weightedSumKernel<1>, blocksFor(groups), THREADS, 0, x, weights, K,
                groups, accumulate != 0, y);
}
}
