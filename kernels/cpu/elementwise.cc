// y = a + b, a − b, a · b, a / b, max(a, b), min(a, b), aᵇ, (a − b)² with broadcasting: an operand has stride 0 along an axis that it shares.
//
// Axes that are contiguous in both operands are merged first, so that the inner loop is as long as it can be.

#include <algorithm>
#include <cmath>

#include "axes.h"
#include "status.h"
#include "threads.h"
#include "vector.h"

namespace inseq {
namespace {

constexpr int64_t GRAIN = 16384;  // numbers worth a thread

/** One run of n numbers; strides 0 or 1 are the common cases. */
template <typename Op>
void run(const float* a, int64_t strideA, const float* b, int64_t strideB, int64_t n, float* y, Op op) {
  if (strideA == 1 && strideB == 1) {
    vectors(n, [&](int64_t i, auto lanes) { store(y + i, op(load(a + i, lanes), load(b + i, lanes)), lanes); });
  } else if (strideA == 1 && strideB == 0) {
    const V right = splat(*b);
    vectors(n, [&](int64_t i, auto lanes) { store(y + i, op(load(a + i, lanes), right), lanes); });
  } else if (strideA == 0 && strideB == 1) {
    const V left = splat(*a);
    vectors(n, [&](int64_t i, auto lanes) { store(y + i, op(left, load(b + i, lanes)), lanes); });
  } else {
    for (int64_t i = 0; i < n; i++) y[i] = op(a[i * strideA], b[i * strideB]);
  }
}

template <typename Op>
void apply(const float* a, const float* b, const Axes<2>& axes, float* y, Op op) {
  const int last = axes.rank - 1;
  const int64_t inner = axes.size[last];
  int64_t outer = 1;
  for (int i = 0; i < last; i++) outer *= axes.size[i];
  // A long run is cut into pieces, so that one run alone can be shared out, too.
  const int64_t pieces = std::max<int64_t>(1, inner / GRAIN);
  parallelRanges(outer * pieces, std::max<int64_t>(1, GRAIN * pieces / std::max<int64_t>(1, inner)),
                 [&](int64_t from, int64_t to) {
                   for (int64_t i = from; i < to; i++) {
                     int64_t rest = i / pieces, offsetA = 0, offsetB = 0;
                     for (int axis = last - 1; axis >= 0; axis--) {
                       const int64_t at = rest % axes.size[axis];
                       rest /= axes.size[axis];
                       offsetA += at * axes.stride[0][axis];
                       offsetB += at * axes.stride[1][axis];
                     }
                     const int64_t start = inner * (i % pieces) / pieces, end = inner * (i % pieces + 1) / pieces;
                     const int64_t stepA = axes.innerStride(0), stepB = axes.innerStride(1);
                     run(a + offsetA + start * stepA, stepA, b + offsetB + start * stepB, stepB, end - start,
                         y + i / pieces * inner + start, op);
                   }
                 });
}

/** NaN if either is. */
struct Larger {
  V operator()(V l, V r) const { return l > r || l != l ? l : r; }
  float operator()(float l, float r) const { return l > r || l != l ? l : r; }
};
struct Smaller {
  V operator()(V l, V r) const { return l < r || l != l ? l : r; }
  float operator()(float l, float r) const { return l < r || l != l ? l : r; }
};
struct Power {
  V operator()(V l, V r) const {
    V y;
    for (int lane = 0; lane < W; lane++) y[lane] = std::pow(l[lane], r[lane]);
    return y;
  }
  float operator()(float l, float r) const { return std::pow(l, r); }
};

}  // namespace
}  // namespace inseq

extern "C" int inseq_binary(const float* a, const float* b, int32_t operation, int64_t rank, const int64_t* sizes,
                            const int64_t* a_strides, const int64_t* b_strides, float* y) {
  using namespace inseq;
  CHECK(rank >= 0 && rank <= MAX_RANK, "binary: expected a rank of at most %d, received %lld", MAX_RANK,
        (long long)rank);
  CHECK(operation >= INSEQ_ADD && operation <= INSEQ_SQUARED_DIFFERENCE, "binary: expected a known operation, received %d", operation);
  for (int64_t i = 0; i < rank; i++) {
    CHECK(sizes[i] >= 0 && a_strides[i] >= 0 && b_strides[i] >= 0,
          "binary: expected sizes and strides that are not negative, received %lld, %lld and %lld along axis %lld",
          (long long)sizes[i], (long long)a_strides[i], (long long)b_strides[i], (long long)i);
    if (sizes[i] == 0) return INSEQ_OK;
  }
  return guarded("binary", [&] {
    const int64_t* const strides[] = {a_strides, b_strides};
    const Axes<2> axes = merged(rank, sizes, strides);
    switch (operation) {
      case INSEQ_ADD: return apply(a, b, axes, y, [](auto l, auto r) { return l + r; });
      case INSEQ_SUB: return apply(a, b, axes, y, [](auto l, auto r) { return l - r; });
      case INSEQ_MUL: return apply(a, b, axes, y, [](auto l, auto r) { return l * r; });
      case INSEQ_DIV: return apply(a, b, axes, y, [](auto l, auto r) { return l / r; });
      case INSEQ_MAXIMUM: return apply(a, b, axes, y, Larger());
      case INSEQ_MINIMUM: return apply(a, b, axes, y, Smaller());
      case INSEQ_POW: return apply(a, b, axes, y, Power());
      default: return apply(a, b, axes, y, [](auto l, auto r) { return (l - r) * (l - r); });
    }
  });
}
