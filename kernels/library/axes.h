// Axes of operands that are read together, some of them broadcast (stride 0): merged where they are contiguous in all, so
// that the inner run is as long as it can be.

#pragma once

#include <cstdint>

namespace inseq {

constexpr int MAX_RANK = 6;

template <int OPERANDS>
struct Axes {
  int rank = 0;
  int64_t size[MAX_RANK];
  int64_t stride[OPERANDS][MAX_RANK];

  int64_t numbers() const {
    int64_t total = 1;
    for (int i = 0; i < rank; i++) total *= size[i];
    return total;
  }
  /** Numbers of the last axis. */
  int64_t inner() const { return size[rank - 1]; }
  int64_t innerStride(int operand) const { return stride[operand][rank - 1]; }
};

/** At least one axis is left. */
template <int OPERANDS>
Axes<OPERANDS> merged(int64_t rank, const int64_t* sizes, const int64_t* const (&strides)[OPERANDS]) {
  Axes<OPERANDS> axes;
  for (int64_t i = 0; i < rank; i++) {
    if (sizes[i] == 1) continue;
    bool joins = axes.rank > 0;
    for (int o = 0; o < OPERANDS && joins; o++) joins = axes.stride[o][axes.rank - 1] == strides[o][i] * sizes[i];
    if (!joins) axes.size[axes.rank++] = 1;
    const int at = axes.rank - 1;
    axes.size[at] *= sizes[i];
    for (int o = 0; o < OPERANDS; o++) axes.stride[o][at] = strides[o][i];
  }
  if (axes.rank == 0) {
    axes.rank = 1;
    axes.size[0] = 1;
    for (int o = 0; o < OPERANDS; o++) axes.stride[o][0] = 0;
  }
  return axes;
}

/** How many numbers an operand with these strides reaches over. */
inline int64_t reach(int64_t rank, const int64_t* sizes, const int64_t* strides) {
  int64_t last = 0;
  for (int64_t i = 0; i < rank; i++) {
    if (sizes[i] == 0) return 0;
    last += (sizes[i] - 1) * strides[i];
  }
  return last + 1;
}

}  // namespace inseq
