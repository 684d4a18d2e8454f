// Sum, mean, extremes and norms along one axis: x [outer, N, inner] -> y [outer, inner].
//
// Along the last axis (inner = 1) a row is summed in W lanes of four chains, then the lanes in a fixed order; elsewhere
// rows of `inner` numbers are added one after the other. A NaN gives NaN.

#include <algorithm>
#include <cmath>
#include <limits>

#include "status.h"
#include "threads.h"
#include "vector.h"

namespace inseq {
namespace {

constexpr int64_t GRAIN = 16384;  // numbers worth a thread

struct Sum {
  static constexpr float START = 0.0f;
  static V of(V x) { return x; }
  static V end(V total) { return total; }
  static V join(V a, V b) { return a + b; }
  static float lanes(V v) { return sumLanes(v); }
};
/** Of absolute values. */
struct L1 : Sum {
  static V of(V x) { return vabs(x); }
};
/** Root of the sum of squares. */
struct L2 : Sum {
  static V of(V x) { return x * x; }
  static V end(V total) {
    float lanes[W];
    store(lanes, total);
    for (float& lane : lanes) lane = std::sqrt(lane);
    return load(lanes);
  }
};
struct Max {
  static constexpr float START = -std::numeric_limits<float>::infinity();
  static V of(V x) { return x; }
  static V end(V total) { return total; }
  static V join(V a, V b) { return a > b || a != a ? a : b; }
  static float lanes(V v) { return maxLanes(v); }
};
struct Min {
  static constexpr float START = std::numeric_limits<float>::infinity();
  static V of(V x) { return x; }
  static V end(V total) { return total; }
  static V join(V a, V b) { return a < b || a != a ? a : b; }
  static float lanes(V v) { return -maxLanes(-v); }
};

template <typename Rule>
float reduceRow(const float* x, int64_t N) {
  V chain[4] = {splat(Rule::START), splat(Rule::START), splat(Rule::START), splat(Rule::START)};
  int64_t i = 0;
  for (; i + 4 * W <= N; i += 4 * W)
    for (int c = 0; c < 4; c++) chain[c] = Rule::join(chain[c], Rule::of(load(x + i + c * W)));
  vectors(N - i, [&](int64_t k, auto lanes) {
    chain[0] = Rule::join(chain[0], keep(Rule::of(load(x + i + k, lanes)), splat(Rule::START), lanes));
  });
  return Rule::lanes(Rule::join(Rule::join(chain[0], chain[1]), Rule::join(chain[2], chain[3])));
}

template <typename Rule>
void reduce(const float* x, int64_t outer, int64_t N, int64_t inner, float factor, float* y) {
  if (inner == 1) {
    return parallelRanges(outer, GRAIN / (N + 1) + 1, [&](int64_t from, int64_t to) {
      for (int64_t o = from; o < to; o++) y[o] = Rule::end(splat(reduceRow<Rule>(x + o * N, N) * factor))[0];
    });
  }
  constexpr int64_t PIECE = 1024;
  const int64_t pieces = (inner + PIECE - 1) / PIECE;
  const int64_t grain = std::max<int64_t>(1, GRAIN / ((N + 1) * std::min(inner, PIECE)));
  parallelRanges(outer * pieces, grain, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
      const int64_t o = i / pieces, start = i % pieces * PIECE, count = std::min(PIECE, inner - start);
      float* out = y + o * inner + start;
      const float* in = x + o * N * inner + start;
      vectors(count, [&](int64_t k, auto lanes) {
        V total = splat(Rule::START);
        for (int64_t n = 0; n < N; n++) total = Rule::join(total, Rule::of(load(in + n * inner + k, lanes)));
        store(out + k, Rule::end(total * factor), lanes);
      });
    }
  });
}

}  // namespace
}  // namespace inseq

extern "C" int inseq_reduce(const float* x, int32_t reduction, int64_t outer, int64_t N, int64_t inner, float* y) {
  using namespace inseq;
  CHECK(outer >= 0 && N >= 0 && inner >= 0, "reduce: expected sizes that are not negative, received %lld, %lld, %lld",
        (long long)outer, (long long)N, (long long)inner);
  CHECK(reduction >= INSEQ_SUM && reduction <= INSEQ_L2, "reduce: expected a known reduction, received %d", reduction);
  return guarded("reduce", [&] {
    if (reduction == INSEQ_MAX) return reduce<Max>(x, outer, N, inner, 1.0f, y);
    if (reduction == INSEQ_MIN) return reduce<Min>(x, outer, N, inner, 1.0f, y);
    if (reduction == INSEQ_L1) return reduce<L1>(x, outer, N, inner, 1.0f, y);
    if (reduction == INSEQ_L2) return reduce<L2>(x, outer, N, inner, 1.0f, y);
    reduce<Sum>(x, outer, N, inner, reduction == INSEQ_MEAN ? 1.0f / static_cast<float>(N) : 1.0f, y);
  });
}
