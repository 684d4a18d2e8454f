// Softmax and log-softmax of rows of V numbers; the maximum is subtracted first:
//
//   m = max(x), y = exp(x − m) / Σ exp(x − m)      or      y = x − m − ln Σ exp(x − m)
//
// A group of threads has a row: three passes, of which the caches serve the second and third.

#include "rows.h"

namespace inseq {
namespace {

template <bool LOGARITHM, int GROUP, int WIDTH>
__global__ void __launch_bounds__(groupThreads<GROUP>) softmaxKernel(const float* x, int64_t R, int64_t V, float* y) {
  const int64_t r = groupRow();
  const bool inside = r < R;
  const float* row = x + r * V;
  float m = MaxRule::START, total = 0;
  if (inside) {
    ROW(i, V, GROUP, WIDTH) {
      const auto v = load<WIDTH>(row + i);
      for (int k = 0; k < WIDTH; k++) m = MaxRule::join(m, v.at[k]);
    }
  }
  m = overGroup<MaxRule, GROUP>(m);
  if (inside) {
    ROW(i, V, GROUP, WIDTH) {
      const auto v = load<WIDTH>(row + i);
      for (int k = 0; k < WIDTH; k++) total += expf(v.at[k] - m);
    }
  }
  total = overGroup<SumRule, GROUP>(total);
  if (!inside) return;
  const float shift = LOGARITHM ? logf(total) : 0.0f, inverse = 1.0f / total;
  ROW(i, V, GROUP, WIDTH) {
    const auto v = load<WIDTH>(row + i);
    Vector<WIDTH> out;
    for (int k = 0; k < WIDTH; k++) out.at[k] = LOGARITHM ? v.at[k] - m - shift : expf(v.at[k] - m) * inverse;
    store<WIDTH>(y + r * V + i, out);
  }
}

template <bool LOGARITHM>
int softmax(const float* x, int64_t R, int64_t V, float* y) {
  const bool four = V % 4 == 0 && aligned(x, y);
  return withGroups(R, V, [&](auto group, dim3 grid, dim3 block) {
    constexpr int GROUP = decltype(group)::value;
    return launch("softmax", four ? softmaxKernel<LOGARITHM, GROUP, 4> : softmaxKernel<LOGARITHM, GROUP, 1>, grid,
                  block, 0, x, R, V, y);
  });
}

}  // namespace
}  // namespace inseq

extern "C" int inseq_softmax(const float* x, int64_t R, int64_t V, int32_t logarithm, float* y) {
  using namespace inseq;
  CHECK(R >= 0 && V >= 0, "softmax: expected sizes that are not negative, received R=%lld, V=%lld", (long long)R,
        (long long)V);
  TENSOR("softmax", x, R * V);
  TENSOR("softmax", y, R * V);
  if (R * V == 0) return INSEQ_OK;
  return logarithm ? softmax<true>(x, R, V, y) : softmax<false>(x, R, V, y);
}
