// Element-wise non-linearities y = φ(x) and gated units φ(gate) · up (src/ops/activation.ts has the formulas).
//
// library/activations.h has φ and φ'. A backward pass over repeated activations computes φ' once for all copies, some numbers
// at a time.

#include "activation.h"

#include <algorithm>

#include "status.h"
#include "threads.h"
#include "vector.h"

#define INSEQ_NUMBER_FUNCTION
#include "activations.h"

namespace inseq {
namespace {

constexpr int64_t GRAIN = 8192;  // numbers worth a thread
constexpr int64_t PIECE = 1024;  // numbers of φ' kept at a time

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

template <typename Phi>
void applyToRows(float* const* x, int64_t rows, int64_t n, int64_t toResult) {
  for (int64_t r = 0; r < rows; r++) {
    float* row = x[r];
    vectors(n, [&](int64_t i, auto lanes) { store(row + toResult + i, Phi::forward(load(row + i, lanes)), lanes); });
  }
}

}  // namespace

bool isActivation(int32_t activation) { return known(activation); }

RowFunction activationFunction(int32_t activation) {
  return withActivation(activation, [](auto phi) -> RowFunction { return applyToRows<decltype(phi)>; });
}

}  // namespace inseq

extern "C" {

int inseq_activation(const float* x, int64_t size, int32_t activation, float* y) {
  using namespace inseq;
  CHECK(size >= 0 && known(activation), "activation: expected size >= 0 and a known function, received %lld and %d",
        (long long)size, activation);
  return guarded("activation", [&] {
    const RowFunction phi = activationFunction(activation);
    parallelRanges(size, GRAIN, [&](int64_t from, int64_t to) {
      float* row = const_cast<float*>(x) + from;  // which is only read
      phi(&row, 1, to - from, y - x);
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
