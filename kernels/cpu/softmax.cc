// Softmax and log-softmax of rows of V numbers; the maximum is subtracted first:
//
//   m = max(x), y = exp(x − m) / Σ exp(x − m)      or      y = x − m − ln Σ exp(x − m)

#include <cmath>
#include <limits>

#include "status.h"
#include "threads.h"
#include "vector.h"

extern "C" int inseq_softmax(const float* x, int64_t R, int64_t N, int32_t logarithm, float* y) {
  using namespace inseq;
  CHECK(R >= 0 && N >= 0, "softmax: expected sizes that are not negative, received R=%lld, V=%lld", (long long)R,
        (long long)N);
  return guarded("softmax", [&] {
    parallelRanges(N > 0 ? R : 0, 8192 / (N + 1) + 1, [&](int64_t from, int64_t to) {
      for (int64_t r = from; r < to; r++) {
        const float* in = x + r * N;
        float* out = y + r * N;
        const V lowest = splat(-std::numeric_limits<float>::infinity());
        V highest = lowest;
        vectors(N, [&](int64_t i, auto lanes) { highest = vmax(highest, keep(load(in + i, lanes), lowest, lanes)); });
        const float m = maxLanes(highest);
        V total{};
        vectors(N, [&](int64_t i, auto lanes) {
          const V e = vexp(load(in + i, lanes) - m);
          if (!logarithm) store(out + i, e, lanes);
          total += keep(e, V{}, lanes);
        });
        const float sum = sumLanes(total);
        if (logarithm) {
          const float shift = std::log(sum);
          vectors(N, [&](int64_t i, auto lanes) { store(out + i, load(in + i, lanes) - m - shift, lanes); });
        } else {
          const float inverse = 1.0f / sum;
          vectors(N, [&](int64_t i, auto lanes) { store(out + i, load(out + i, lanes) * inverse, lanes); });
        }
      }
    });
  });
}
