// Rotary position embedding (src/ops/rotary.ts), on pairs (i, i + K/2) of a head's width:
//
//   y₁ = x₁ cos − x₂ sin
//   y₂ = x₂ cos + x₁ sin
//
// The gradient turns the other way (inverse):
//   dx₁ = dy₁ cos + dy₂ sin
//   dx₂ = dy₂ cos − dy₁ sin
//
// A thread turns one pair; neighbours of a half are neighbours in memory.

#include "launch.h"

namespace inseq {
namespace {

__global__ void rotaryKernel(const float* x, const float* cos, const float* sin, int64_t pairs, int64_t H, int64_t T,
                             int64_t C, int64_t angleBatchStride, float sign, float* y) {
  EACH(i, pairs) {
    const Division inRow = divide(i, C);
    const Division inHead = divide(inRow.quotient, T);
    const int64_t angle = divide(inHead.quotient, H).quotient * angleBatchStride + inHead.rest * C + inRow.rest;
    const int64_t first = inRow.quotient * 2 * C + inRow.rest, second = first + C;
    const float c = cos[angle], s = sin[angle] * sign, x1 = x[first], x2 = x[second];
    y[first] = x1 * c - x2 * s;
    y[second] = x2 * c + x1 * s;
  }
}

}  // namespace
}  // namespace inseq

extern "C" int inseq_rotary(const float* x, const float* cos, const float* sin, int64_t B, int64_t H, int64_t T,
                            int64_t K, int64_t angle_batch_stride, int32_t inverse, float* y) {
  using namespace inseq;
  CHECK(B >= 0 && H >= 0 && T >= 0 && K >= 0 && K % 2 == 0,
        "rotary: expected x [B, H, T, K] with an even K, received [%lld, %lld, %lld, %lld]", (long long)B, (long long)H,
        (long long)T, (long long)K);
  const int64_t numbers = B * H * T * K, angles = numbers == 0 ? 0 : (B - 1) * angle_batch_stride + T * (K / 2);
  TENSOR("rotary", x, numbers);
  TENSOR("rotary", cos, angles);
  TENSOR("rotary", sin, angles);
  TENSOR("rotary", y, numbers);
  if (numbers == 0) return INSEQ_OK;
  return launch("rotary", rotaryKernel, blocksFor(numbers / 2), THREADS, 0, x, cos, sin, numbers / 2, H, T, K / 2,
                angle_batch_stride, inverse ? -1.0f : 1.0f, y);
}
