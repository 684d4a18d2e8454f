// Rotary position embedding (src/ops/rotary.ts), on pairs (i, i + K/2) of a head's width:
//
//   y₁ = x₁ cos − x₂ sin
//   y₂ = x₂ cos + x₁ sin
//
// The gradient turns the other way (inverse):
//   dx₁ = dy₁ cos + dy₂ sin
//   dx₂ = dy₂ cos − dy₁ sin

#include "status.h"
#include "threads.h"
#include "vector.h"

extern "C" int inseq_rotary(const float* x, const float* cos, const float* sin, int64_t B, int64_t H, int64_t T,
                            int64_t K, int64_t angle_batch_stride, int32_t inverse, float* y) {
  using namespace inseq;
  CHECK(B >= 0 && H >= 0 && T >= 0 && K >= 0 && K % 2 == 0,
        "rotary: expected x [B, H, T, K] with an even K, received [%lld, %lld, %lld, %lld]", (long long)B, (long long)H,
        (long long)T, (long long)K);
  const int64_t C = K / 2;
  const float sign = inverse ? -1.0f : 1.0f;
  return guarded("rotary", [&] {
    parallelRanges(B * H * T, 8192 / (K + 1) + 1, [&](int64_t from, int64_t to) {
      for (int64_t r = from; r < to; r++) {
        const int64_t angle = r / (H * T) * angle_batch_stride + r % T * C;
        const float *x1 = x + r * K, *x2 = x1 + C;
        float *y1 = y + r * K, *y2 = y1 + C;
        vectors(C, [&](int64_t i, auto lanes) {
          const V c = load(cos + angle + i, lanes), s = load(sin + angle + i, lanes) * sign;
          const V a = load(x1 + i, lanes), b = load(x2 + i, lanes);
          store(y1 + i, a * c - b * s, lanes);
          store(y2 + i, b * c + a * s, lanes);
        });
      }
    });
  });
}
