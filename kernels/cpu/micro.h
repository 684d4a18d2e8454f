// What the micro-kernels of the matrix product share: how a row of NR sums gets to memory.

#pragma once

#include <cstdint>
#include <utility>

#include "gemm.h"

namespace inseq {

/** c = sum, or c + sum; + bias. The last panel has fewer than NR columns. */
__attribute__((always_inline)) inline void finishRow(V sum0, V sum1, float* c, int64_t columns, bool add,
                                                     const float* bias) {
  if (columns == NR) {
    if (add) sum0 += load(c), sum1 += load(c + W);
    if (bias) sum0 += load(bias), sum1 += load(bias + W);
    store(c, sum0);
    store(c + W, sum1);
    return;
  }
  float y[NR];
  store(y, sum0);
  store(y + W, sum1);
  for (int64_t j = 0; j < columns; j++) {
    if (add) y[j] += c[j];
    if (bias) y[j] += bias[j];
    c[j] = y[j];
  }
}

/** of[R] for R = 1 … MR, of a template of functions by their rows. */
template <typename Function>
struct ByRows {
  Function of[MR + 1];
};

}  // namespace inseq
