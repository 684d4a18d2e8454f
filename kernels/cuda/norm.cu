// Layer and root-mean-square normalisation over rows of D numbers (src/ops/layerNorm.ts, rmsNorm.ts):
//
//   layer norm:  μ = mean(x), σ² = mean((x − μ)²), x̂ = (x − μ) / √(σ² + ε), y = x̂ · scale + bias
//   rms norm:    x̂ = x / √(mean(x²) + ε),                                 y = x̂ · scale
//
// A group of threads has a row, and reads it once from memory: for the second and third pass it is in the first-level
// cache. Sums in float32.

#include "rows.h"

namespace inseq {
namespace {

struct Statistics {
  float mean, inverse;  // μ (0 for the rms norm), 1 / √(σ² + ε)
};

template <bool CENTERED, int GROUP, int WIDTH>
__device__ Statistics statisticsOf(const float* x, int64_t D, float epsilon, bool inside) {
  float mean = 0;
  if (CENTERED) {
    float total = 0;
    if (inside) {
      ROW(i, D, GROUP, WIDTH) {
        const auto v = load<WIDTH>(x + i);
        for (int k = 0; k < WIDTH; k++) total += v.at[k];
      }
    }
    mean = overGroup<SumRule, GROUP>(total) / static_cast<float>(D);
  }
  float squares = 0;
  if (inside) {
    ROW(i, D, GROUP, WIDTH) {
      const auto v = load<WIDTH>(x + i);
      for (int k = 0; k < WIDTH; k++) squares += (v.at[k] - mean) * (v.at[k] - mean);
    }
  }
  return {mean, 1.0f / sqrtf(overGroup<SumRule, GROUP>(squares) / static_cast<float>(D) + epsilon)};
}

template <bool CENTERED, int GROUP, int WIDTH>
__global__ void __launch_bounds__(groupThreads<GROUP>)
    normKernel(const float* x, const float* scale, const float* bias, int64_t R, int64_t D, float epsilon, float* y) {
  const int64_t r = groupRow();
  const bool inside = r < R;
  const Statistics row = statisticsOf<CENTERED, GROUP, WIDTH>(x + r * D, D, epsilon, inside);
  if (!inside) return;
  ROW(i, D, GROUP, WIDTH) {
    const auto v = load<WIDTH>(x + r * D + i), s = load<WIDTH>(scale + i);
    Vector<WIDTH> out;
    for (int k = 0; k < WIDTH; k++) out.at[k] = (v.at[k] - row.mean) * row.inverse * s.at[k];
    if (CENTERED) {
      const auto b = load<WIDTH>(bias + i);
      for (int k = 0; k < WIDTH; k++) out.at[k] += b.at[k];
    }
    store<WIDTH>(y + r * D + i, out);
  }
}

// With g = dy · scale (from y = x̂ · scale + bias) and x̂ = (x − μ) / √(σ² + ε):
//   dx = (g − mean(g) − x̂ · mean(g · x̂)) / √(σ² + ε)      (without mean(g) for the rms norm)
template <bool CENTERED, int GROUP, int WIDTH>
__global__ void __launch_bounds__(groupThreads<GROUP>)
    normBackwardKernel(const float* dy, const float* x, const float* scale, int64_t rows, int64_t D, float epsilon,
                       int64_t times, int64_t block, float* dx) {
  const int64_t r = groupRow();
  const bool inside = r < rows;
  const int64_t at = r * D;
  const float* saved = x + (inside ? savedPlace(at, times, block) : 0);
  const Statistics row = statisticsOf<CENTERED, GROUP, WIDTH>(saved, D, epsilon, inside);
  float sumG = 0, sumGx = 0;
  if (inside) {
    ROW(i, D, GROUP, WIDTH) {
      const auto d = load<WIDTH>(dy + at + i), v = load<WIDTH>(saved + i), s = load<WIDTH>(scale + i);
      for (int k = 0; k < WIDTH; k++) {
        const float g = d.at[k] * s.at[k];
        sumG += g;
        sumGx += g * ((v.at[k] - row.mean) * row.inverse);
      }
    }
  }
  const float meanG = CENTERED ? overGroup<SumRule, GROUP>(sumG) / static_cast<float>(D) : 0.0f;
  const float meanGx = overGroup<SumRule, GROUP>(sumGx) / static_cast<float>(D);
  if (!inside) return;
  ROW(i, D, GROUP, WIDTH) {
    const auto d = load<WIDTH>(dy + at + i), v = load<WIDTH>(saved + i), s = load<WIDTH>(scale + i);
    Vector<WIDTH> out;
    for (int k = 0; k < WIDTH; k++) {
      const float normalized = (v.at[k] - row.mean) * row.inverse;
      out.at[k] = (d.at[k] * s.at[k] - meanG - normalized * meanGx) * row.inverse;
    }
    store<WIDTH>(dx + at + i, out);
  }
}

template <bool CENTERED>
int norm(const char* op, const float* x, const float* scale, const float* bias, int64_t R, int64_t D, float epsilon,
         float* y) {
  CHECK(R >= 0 && D >= 0, "%s: expected sizes that are not negative, received R=%lld, D=%lld", op, (long long)R,
        (long long)D);
  TENSOR(op, x, R * D);
  TENSOR(op, scale, R > 0 ? D : 0);
  if (CENTERED) TENSOR(op, bias, R > 0 ? D : 0);
  TENSOR(op, y, R * D);
  if (R * D == 0) return INSEQ_OK;
  const bool four = D % 4 == 0 && aligned(x, scale, bias, y);
  return withGroups(R, D, [&](auto group, dim3 grid, dim3 block) {
    constexpr int GROUP = decltype(group)::value;
    return launch(op, four ? normKernel<CENTERED, GROUP, 4> : normKernel<CENTERED, GROUP, 1>, grid, block, 0, x, scale,
                  bias, R, D, epsilon, y);
  });
}

template <bool CENTERED>
int normBackward(const char* op, const float* dy, const float* x, const float* scale, int64_t R, int64_t D,
                 float epsilon, int64_t times, int64_t block, float* dx) {
  CHECK(R >= 0 && D > 0 && times > 0 && block > 0 && block % D == 0 && R * D % block == 0,
        "%s: expected rows [R, D] in whole blocks, received R=%lld, D=%lld, times=%lld, block=%lld", op, (long long)R,
        (long long)D, (long long)times, (long long)block);
  TENSOR(op, dy, R * times * D);
  TENSOR(op, x, R * D);
  TENSOR(op, scale, R > 0 ? D : 0);
  TENSOR(op, dx, R * times * D);
  if (R == 0) return INSEQ_OK;
  const bool four = D % 4 == 0 && aligned(dy, x, scale, dx);
  return withGroups(R * times, D, [&](auto group, dim3 grid, dim3 threads) {
    constexpr int GROUP = decltype(group)::value;
    return launch(op, four ? normBackwardKernel<CENTERED, GROUP, 4> : normBackwardKernel<CENTERED, GROUP, 1>, grid,
                  threads, 0, dy, x, scale, R * times, D, epsilon, times, block, dx);
  });
}

}  // namespace
}  // namespace inseq

using namespace inseq;

extern "C" {

int inseq_layer_norm(const float* x, const float* scale, const float* bias, int64_t R, int64_t D, float epsilon,
                     float* y) {
  return norm<true>("layerNorm", x, scale, bias, R, D, epsilon, y);
}
int inseq_layer_norm_backward(const float* dy, const float* x, const float* scale, int64_t R, int64_t D, float epsilon,
                              int64_t times, int64_t block, float* dx) {
  return normBackward<true>("layerNormBackward", dy, x, scale, R, D, epsilon, times, block, dx);
}
int inseq_rms_norm(const float* x, const float* scale, int64_t R, int64_t D, float epsilon, float* y) {
  return norm<false>("rmsNorm", x, scale, nullptr, R, D, epsilon, y);
}
int inseq_rms_norm_backward(const float* dy, const float* x, const float* scale, int64_t R, int64_t D, float epsilon,
                            int64_t times, int64_t block, float* dx) {
  return normBackward<false>("rmsNormBackward", dy, x, scale, R, D, epsilon, times, block, dx);
}
}
