// Element-wise non-linearities y = φ(x) and gated units φ(gate) · up (src/ops/activation.ts has the formulas).
//
// φ and φ' are one structure each. A backward pass over repeated activations computes φ' once for all copies, some
// numbers at a time.

#include <algorithm>

#include "status.h"
#include "threads.h"
#include "vector.h"

namespace inseq {
namespace {

constexpr int64_t GRAIN = 8192;  // numbers worth a thread
constexpr int64_t PIECE = 1024;  // numbers of φ' kept at a time

constexpr float GELU_TANH_CUBIC = 0.044715f;
constexpr float SQRT_2_OVER_PI = 0.797884561f;
constexpr float QUICK_GELU_SLOPE = 1.702f;
constexpr float SQRT_1_2 = 0.707106781f;
constexpr float INVERSE_SQRT_2_PI = 0.398942280f;

struct Linear {
  static V forward(V x) { return x; }
  static V derivative(V) { return splat(1.0f); }
};
struct Relu {
  static V forward(V x) { return x < 0.0f ? V{} : x; }
  static V derivative(V x) { return x > 0.0f ? splat(1.0f) : (x != x ? x : V{}); }
};
struct ReluSquared {
  static V forward(V x) { return x < 0.0f ? V{} : x * x; }
  static V derivative(V x) { return x > 0.0f ? 2.0f * x : (x != x ? x : V{}); }
};
struct Tanh {
  static V forward(V x) { return vtanh(x); }
  static V derivative(V x) {
    const V t = vtanh(x);
    return 1.0f - t * t;
  }
};
struct Sigmoid {
  static V forward(V x) { return vsigmoid(x); }
  static V derivative(V x) {
    const V s = vsigmoid(x);
    return s * (1.0f - s);
  }
};
struct Silu {
  static V forward(V x) { return x * vsigmoid(x); }
  // d(x σ) = σ + x σ (1 − σ)
  static V derivative(V x) {
    const V s = vsigmoid(x);
    return s * (1.0f + x * (1.0f - s));
  }
};
struct QuickGelu {
  static V forward(V x) { return x * vsigmoid(QUICK_GELU_SLOPE * x); }
  static V derivative(V x) {
    const V scaled = QUICK_GELU_SLOPE * x, s = vsigmoid(scaled);
    return s * (1.0f + scaled * (1.0f - s));
  }
};
struct Gelu {
  /** Φ(x) = ½ (1 + erf(x / √2)) */
  static V normalCdf(V x) { return 0.5f * (1.0f + verf(SQRT_1_2 * x)); }
  static V forward(V x) { return x * normalCdf(x); }
  // d(x Φ) = Φ + x φ, φ(x) = exp(−x²/2) / √(2π)
  static V derivative(V x) { return normalCdf(x) + x * (INVERSE_SQRT_2_PI * vexp(-0.5f * (x * x))); }
};
struct GeluNew {
  static V argument(V x) { return SQRT_2_OVER_PI * (x + GELU_TANH_CUBIC * (x * x * x)); }
  static V forward(V x) { return 0.5f * x * (1.0f + vtanh(argument(x))); }
  // t = tanh(u): d = ½ (1 + t) + ½ x (1 − t²) u', u' = √(2/π) (1 + 3 · 0.044715 x²)
  static V derivative(V x) {
    const V t = vtanh(argument(x));
    const V slope = SQRT_2_OVER_PI * (1.0f + 3.0f * GELU_TANH_CUBIC * (x * x));
    return 0.5f * ((1.0f + t) + x * (1.0f - t * t) * slope);
  }
};

/** Calls work with the structure of an activation's number. */
template <typename Work>
void withActivation(int32_t activation, Work work) {
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

bool known(int32_t activation) { return activation >= INSEQ_LINEAR && activation <= INSEQ_RELU_SQUARED; }

/** piece(x0, n, block k, offset in it) for runs of saved numbers, each inside one block. */
template <typename Piece>
void savedPieces(int64_t size, int64_t times, int64_t block, Piece piece) {
  const int64_t perBlock = (block + PIECE - 1) / PIECE;
  parallelRanges(size / block * perBlock, std::max<int64_t>(1, GRAIN / (PIECE * times)), [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
      const int64_t k = i / perBlock, offset = i % perBlock * PIECE;
      piece(k * block + offset, std::min(PIECE, block - offset), k, offset);
    }
  });
}

}  // namespace
}  // namespace inseq

extern "C" {

int inseq_activation(const float* x, int64_t size, int32_t activation, float* y) {
  using namespace inseq;
  CHECK(size >= 0 && known(activation), "activation: expected size >= 0 and a known function, received %lld and %d",
        (long long)size, activation);
  return guarded("activation", [&] {
    withActivation(activation, [&](auto phi) {
      parallelRanges(size, GRAIN, [&](int64_t from, int64_t to) {
        vectors(to - from, [&](int64_t i, auto lanes) {
          store(y + from + i, phi.forward(load(x + from + i, lanes)), lanes);
        });
      });
    });
  });
}

// dx = dy · φ'(x)
int inseq_activation_backward(const float* dy, const float* x, int64_t size, int32_t activation, int64_t times,
                              int64_t block, float* dx) {
  using namespace inseq;
  CHECK(size >= 0 && known(activation) && times > 0 && block > 0 && size % block == 0,
        "activationBackward: expected a known function and whole blocks, received function %d, size=%lld, times=%lld, "
        "block=%lld",
        activation, (long long)size, (long long)times, (long long)block);
  return guarded("activationBackward", [&] {
    withActivation(activation, [&](auto phi) {
      savedPieces(size, times, block, [&](int64_t x0, int64_t n, int64_t k, int64_t offset) {
        float slope[PIECE];
        vectors(n, [&](int64_t i, auto lanes) { store(slope + i, phi.derivative(load(x + x0 + i, lanes)), lanes); });
        for (int64_t j = 0; j < times; j++) {
          const int64_t at = (k * times + j) * block + offset;
          vectors(n, [&](int64_t i, auto lanes) {
            store(dx + at + i, load(dy + at + i, lanes) * load(slope + i, lanes), lanes);
          });
        }
      });
    });
  });
}

int inseq_gated_unit(const float* gate, const float* up, int64_t size, int32_t activation, float* y) {
  using namespace inseq;
  CHECK(size >= 0 && known(activation), "gatedUnit: expected size >= 0 and a known function, received %lld and %d",
        (long long)size, activation);
  return guarded("gatedUnit", [&] {
    withActivation(activation, [&](auto phi) {
      parallelRanges(size, GRAIN, [&](int64_t from, int64_t to) {
        vectors(to - from, [&](int64_t i, auto lanes) {
          store(y + from + i, phi.forward(load(gate + from + i, lanes)) * load(up + from + i, lanes), lanes);
        });
      });
    });
  });
}

// dgate = dy · up · φ'(gate), dup = dy · φ(gate)
int inseq_gated_unit_backward(const float* dy, const float* gate, const float* up, int64_t size, int32_t activation,
                              int64_t times, int64_t block, float* d_gate, float* d_up) {
  using namespace inseq;
  CHECK(size >= 0 && known(activation) && times > 0 && block > 0 && size % block == 0,
        "gatedUnitBackward: expected a known function and whole blocks, received function %d, size=%lld, times=%lld, "
        "block=%lld",
        activation, (long long)size, (long long)times, (long long)block);
  return guarded("gatedUnitBackward", [&] {
    withActivation(activation, [&](auto phi) {
      savedPieces(size, times, block, [&](int64_t x0, int64_t n, int64_t k, int64_t offset) {
        float slope[PIECE], value[PIECE];
        vectors(n, [&](int64_t i, auto lanes) {
          const V g = load(gate + x0 + i, lanes);
          store(slope + i, load(up + x0 + i, lanes) * phi.derivative(g), lanes);
          store(value + i, phi.forward(g), lanes);
        });
        for (int64_t j = 0; j < times; j++) {
          const int64_t at = (k * times + j) * block + offset;
          vectors(n, [&](int64_t i, auto lanes) {
            const V d = load(dy + at + i, lanes);
            store(d_gate + at + i, d * load(slope + i, lanes), lanes);
            store(d_up + at + i, d * load(value + i, lanes), lanes);
          });
        }
      });
    });
  });
}

int inseq_function(const float* x, int64_t size, int32_t function, float* y) {
  using namespace inseq;
  CHECK(size >= 0 && function >= INSEQ_EXP && function <= INSEQ_ERF,
        "function: expected size >= 0 and exp, tanh or erf, received %lld and %d", (long long)size, function);
  return guarded("function", [&] {
    vectors(size, [&](int64_t i, auto lanes) {
      const V v = load(x + i, lanes);
      store(y + i, function == INSEQ_EXP ? vexp(v) : function == INSEQ_ERF ? verf(v) : vtanh(v), lanes);
    });
  });
}
}
