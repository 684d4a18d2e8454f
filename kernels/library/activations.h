// Element-wise non-linearities φ and their derivatives (src/ops/activation.ts has the formulas): one definition for every
// implementation, one structure for each function.
//
// The file that includes this one says first what a number is: V, a float or a vector of them, with splat, vexp, vtanh, verf
// and vsigmoid; and defines INSEQ_NUMBER_FUNCTION as what functions of it need in front (such as __device__), or as nothing.

#pragma once

#include <cstdint>

#include "status.h"

namespace inseq {
namespace {

constexpr float GELU_TANH_CUBIC = 0.044715f;
constexpr float SQRT_2_OVER_PI = 0.797884561f;
constexpr float QUICK_GELU_SLOPE = 1.702f;
constexpr float SQRT_1_2 = 0.707106781f;
constexpr float INVERSE_SQRT_2_PI = 0.398942280f;

struct Linear {
  INSEQ_NUMBER_FUNCTION static V forward(V x) { return x; }
  INSEQ_NUMBER_FUNCTION static V derivative(V) { return splat(1.0f); }
};
struct Relu {
  INSEQ_NUMBER_FUNCTION static V forward(V x) { return x < 0.0f ? V{} : x; }
  INSEQ_NUMBER_FUNCTION static V derivative(V x) { return x > 0.0f ? splat(1.0f) : (x != x ? x : V{}); }
};
struct ReluSquared {
  INSEQ_NUMBER_FUNCTION static V forward(V x) { return x < 0.0f ? V{} : x * x; }
  INSEQ_NUMBER_FUNCTION static V derivative(V x) { return x > 0.0f ? 2.0f * x : (x != x ? x : V{}); }
};
struct Tanh {
  INSEQ_NUMBER_FUNCTION static V forward(V x) { return vtanh(x); }
  INSEQ_NUMBER_FUNCTION static V derivative(V x) {
    const V t = vtanh(x);
    return 1.0f - t * t;
  }
};
struct Sigmoid {
  INSEQ_NUMBER_FUNCTION static V forward(V x) { return vsigmoid(x); }
  INSEQ_NUMBER_FUNCTION static V derivative(V x) {
    const V s = vsigmoid(x);
    return s * (1.0f - s);
  }
};
struct Silu {
  INSEQ_NUMBER_FUNCTION static V forward(V x) { return x * vsigmoid(x); }
  // d(x σ) = σ + x σ (1 − σ)
  INSEQ_NUMBER_FUNCTION static V derivative(V x) {
    const V s = vsigmoid(x);
    return s * (1.0f + x * (1.0f - s));
  }
};
struct QuickGelu {
  INSEQ_NUMBER_FUNCTION static V forward(V x) { return x * vsigmoid(QUICK_GELU_SLOPE * x); }
  INSEQ_NUMBER_FUNCTION static V derivative(V x) {
    const V scaled = QUICK_GELU_SLOPE * x, s = vsigmoid(scaled);
    return s * (1.0f + scaled * (1.0f - s));
  }
};
struct Gelu {
  /** Φ(x) = ½ (1 + erf(x / √2)) */
  INSEQ_NUMBER_FUNCTION static V normalCdf(V x) { return 0.5f * (1.0f + verf(SQRT_1_2 * x)); }
  INSEQ_NUMBER_FUNCTION static V forward(V x) { return x * normalCdf(x); }
  // d(x Φ) = Φ + x φ, φ(x) = exp(−x²/2) / √(2π)
  INSEQ_NUMBER_FUNCTION static V derivative(V x) { return normalCdf(x) + x * (INVERSE_SQRT_2_PI * vexp(-0.5f * (x * x))); }
};
struct GeluNew {
  INSEQ_NUMBER_FUNCTION static V argument(V x) { return SQRT_2_OVER_PI * (x + GELU_TANH_CUBIC * (x * x * x)); }
  INSEQ_NUMBER_FUNCTION static V forward(V x) { return 0.5f * x * (1.0f + vtanh(argument(x))); }
  // t = tanh(u): d = ½ (1 + t) + ½ x (1 − t²) u', u' = √(2/π) (1 + 3 · 0.044715 x²)
  INSEQ_NUMBER_FUNCTION static V derivative(V x) {
    const V t = vtanh(argument(x));
    const V slope = SQRT_2_OVER_PI * (1.0f + 3.0f * GELU_TANH_CUBIC * (x * x));
    return 0.5f * ((1.0f + t) + x * (1.0f - t * t) * slope);
  }
};

/** Calls work with the structure of an activation's number. */
template <typename Work>
auto withActivation(int32_t activation, Work work) {
  switch (activation) {
    case INSEQ_LINEAR: return work(Linear{});
    case INSEQ_RELU: return work(Relu{});
    case INSEQ_TANH: return work(Tanh{});
    case INSEQ_SIGMOID: return work(Sigmoid{});
    case INSEQ_SILU: return work(Silu{});
    case INSEQ_QUICK_GELU: return work(QuickGelu{});
    case INSEQ_GELU: return work(Gelu{});
    case INSEQ_GELU_NEW: return work(GeluNew{});
    default: return work(ReluSquared{});
  }
}

inline bool known(int32_t activation) { return activation >= INSEQ_LINEAR && activation <= INSEQ_RELU_SQUARED; }

}  // namespace
}  // namespace inseq
