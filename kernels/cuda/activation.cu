// Element-wise non-linearities y = φ(x) and gated units φ(gate) · up (src/ops/activation.ts has the formulas).
//
// library/activations.h has φ and φ'. A thread has four neighbours of the result; a backward pass over repeated
// activations computes φ' anew for each copy, as reading and writing the cotangents takes longer.

#include "activation.h"

#include "launch.h"

namespace inseq {
namespace {

using V = float;
__device__ __forceinline__ V splat(float x) { return x; }
__device__ __forceinline__ V vexp(V x) { return expf(x); }
__device__ __forceinline__ V vtanh(V x) { return tanhf(x); }
__device__ __forceinline__ V verf(V x) { return erff(x); }
__device__ __forceinline__ V vsigmoid(V x) { return 1.0f / (1.0f + expf(-x)); }

}  // namespace
}  // namespace inseq

#define INSEQ_NUMBER_FUNCTION __device__
#include "activations.h"

namespace inseq {
namespace {

template <int WIDTH, typename Phi>
__global__ void activationKernel(const float* x, int64_t groups, float* y) {
  EACH(i, groups) {
    auto v = load<WIDTH>(x + i * WIDTH);
    for (int k = 0; k < WIDTH; k++) v.at[k] = Phi::forward(v.at[k]);
    store<WIDTH>(y + i * WIDTH, v);
  }
}

// z = sums + bias, y = φ(z)
template <int WIDTH, typename Phi>
__global__ void finishKernel(float* sums, const float* bias, int64_t groups, int64_t O, float* y) {
  EACH(i, groups) {
    auto z = load<WIDTH>(sums + i * WIDTH);
    if (bias != nullptr) {
      const auto b = load<WIDTH>(bias + divide(i * WIDTH, O).rest);
      for (int k = 0; k < WIDTH; k++) z.at[k] += b.at[k];
      if (y != sums) store<WIDTH>(sums + i * WIDTH, z);
    }
    for (int k = 0; k < WIDTH; k++) z.at[k] = Phi::forward(z.at[k]);
    store<WIDTH>(y + i * WIDTH, z);
  }
}

// dx = dy · φ'(x)
template <int WIDTH, typename Phi>
__global__ void activationBackwardKernel(const float* dy, const float* x, int64_t groups, int64_t times, int64_t block,
                                         float* dx) {
  EACH(i, groups) {
    auto d = load<WIDTH>(dy + i * WIDTH);
    const auto v = load<WIDTH>(x + savedPlace(i * WIDTH, times, block));
    for (int k = 0; k < WIDTH; k++) d.at[k] *= Phi::derivative(v.at[k]);
    store<WIDTH>(dx + i * WIDTH, d);
  }
}

template <int WIDTH, typename Phi>
__global__ void gatedUnitKernel(const float* gate, const float* up, int64_t groups, float* y) {
  EACH(i, groups) {
    const auto g = load<WIDTH>(gate + i * WIDTH);
    auto u = load<WIDTH>(up + i * WIDTH);
    for (int k = 0; k < WIDTH; k++) u.at[k] *= Phi::forward(g.at[k]);
    store<WIDTH>(y + i * WIDTH, u);
  }
}

// dgate = dy · up · φ'(gate), dup = dy · φ(gate)
template <int WIDTH, typename Phi>
__global__ void gatedUnitBackwardKernel(const float* dy, const float* gate, const float* up, int64_t groups,
                                        int64_t times, int64_t block, float* dGate, float* dUp) {
  EACH(i, groups) {
    const int64_t saved = savedPlace(i * WIDTH, times, block);
    const auto d = load<WIDTH>(dy + i * WIDTH), g = load<WIDTH>(gate + saved), u = load<WIDTH>(up + saved);
    Vector<WIDTH> forGate, forUp;
    for (int k = 0; k < WIDTH; k++) {
      forGate.at[k] = d.at[k] * u.at[k] * Phi::derivative(g.at[k]);
      forUp.at[k] = d.at[k] * Phi::forward(g.at[k]);
    }
    store<WIDTH>(dGate + i * WIDTH, forGate);
    store<WIDTH>(dUp + i * WIDTH, forUp);
  }
}

__global__ void functionKernel(const float* x, int64_t size, int32_t function, float* y) {
  EACH(i, size) y[i] = function == INSEQ_EXP ? expf(x[i]) : function == INSEQ_ERF ? erff(x[i]) : tanhf(x[i]);
}

}  // namespace

bool isActivation(int32_t activation) { return known(activation); }

int finishRows(const char* op, float* sums, const float* bias, int64_t M, int64_t O, int32_t activation, float* y) {
  const bool four = O % 4 == 0 && aligned(sums, bias, y);
  const int64_t groups = four ? M * O / 4 : M * O;
  return withActivation(activation, [&](auto phi) {
    using Phi = decltype(phi);
    return launch(op, four ? finishKernel<4, Phi> : finishKernel<1, Phi>, blocksFor(groups), THREADS, 0, sums, bias,
                  groups, O, y);
  });
}

}  // namespace inseq

using namespace inseq;

extern "C" {

int inseq_activation(const float* x, int64_t size, int32_t activation, float* y) {
  CHECK(size >= 0 && known(activation), "activation: expected size >= 0 and a known function, received %lld and %d",
        (long long)size, activation);
  TENSOR("activation", x, size);
  TENSOR("activation", y, size);
  const bool four = size % 4 == 0 && aligned(x, y);
  const int64_t groups = four ? size / 4 : size;
  return withActivation(activation, [&](auto phi) {
    using Phi = decltype(phi);
    return launch("activation", four ? activationKernel<4, Phi> : activationKernel<1, Phi>, blocksFor(groups), THREADS,
                  0, x, groups, y);
  });
}

int inseq_activation_backward(const float* dy, const float* x, int64_t size, int32_t activation, int64_t times,
                              int64_t block, float* dx) {
  constexpr const char* op = "activationBackward";
  CHECK(size >= 0 && known(activation) && times > 0 && block > 0 && size % block == 0,
        "%s: expected a known function and whole blocks, received function %d, size=%lld, times=%lld, block=%lld", op,
        activation, (long long)size, (long long)times, (long long)block);
  TENSOR(op, dy, size * times);
  TENSOR(op, x, size);
  TENSOR(op, dx, size * times);
  const bool four = block % 4 == 0 && aligned(dy, x, dx);
  const int64_t groups = size * times / (four ? 4 : 1);
  return withActivation(activation, [&](auto phi) {
    using Phi = decltype(phi);
    return launch(op, four ? activationBackwardKernel<4, Phi> : activationBackwardKernel<1, Phi>, blocksFor(groups),
                  THREADS, 0, dy, x, groups, times, block, dx);
  });
}

int inseq_gated_unit(const float* gate, const float* up, int64_t size, int32_t activation, float* y) {
  CHECK(size >= 0 && known(activation), "gatedUnit: expected size >= 0 and a known function, received %lld and %d",
        (long long)size, activation);
  TENSOR("gatedUnit", gate, size);
  TENSOR("gatedUnit", up, size);
  TENSOR("gatedUnit", y, size);
  const bool four = size % 4 == 0 && aligned(gate, up, y);
  const int64_t groups = four ? size / 4 : size;
  return withActivation(activation, [&](auto phi) {
    using Phi = decltype(phi);
    return launch("gatedUnit", four ? gatedUnitKernel<4, Phi> : gatedUnitKernel<1, Phi>, blocksFor(groups), THREADS, 0,
                  gate, up, groups, y);
  });
}

int inseq_gated_unit_backward(const float* dy, const float* gate, const float* up, int64_t size, int32_t activation,
                              int64_t times, int64_t block, float* d_gate, float* d_up) {
  constexpr const char* op = "gatedUnitBackward";
  CHECK(size >= 0 && known(activation) && times > 0 && block > 0 && size % block == 0,
        "%s: expected a known function and whole blocks, received function %d, size=%lld, times=%lld, block=%lld", op,
        activation, (long long)size, (long long)times, (long long)block);
  TENSOR(op, dy, size * times);
  TENSOR(op, gate, size);
  TENSOR(op, up, size);
  TENSOR(op, d_gate, size * times);
  TENSOR(op, d_up, size * times);
  const bool four = block % 4 == 0 && aligned(dy, gate, up, d_gate, d_up);
  const int64_t groups = size * times / (four ? 4 : 1);
  return withActivation(activation, [&](auto phi) {
    using Phi = decltype(phi);
    return launch(op, four ? gatedUnitBackwardKernel<4, Phi> : gatedUnitBackwardKernel<1, Phi>, blocksFor(groups),
                  THREADS, 0, dy, gate, up, groups, times, block, d_gate, d_up);
  });
}

int inseq_function(const float* x, int64_t size, int32_t function, float* y) {
  CHECK(size >= 0 && function >= INSEQ_EXP && function <= INSEQ_ERF,
        "function: expected size >= 0 and exp, tanh or erf, received %lld and %d", (long long)size, function);
  TENSOR("function", x, size);
  TENSOR("function", y, size);
  return launch("function", functionKernel, blocksFor(size), THREADS, 0, x, size, function, y);
}
}
