// A matrix in fewer bits (src/ops/compactMatrix.ts): how its numbers lie, for both libraries.

#pragma once

#include <cstdint>
#include <cstring>

#include "../include/inseq_kernels.h"
#include "widen.h"

namespace inseq {

/** Rows that share a scale in int4. */
constexpr int64_t GROUP_ROWS = 32;

/** Ŵ [I, O] as bytes, row by row, and scales [G, O]. */
struct Compact {
  const uint8_t* bytes;
  const float* scales;
  int32_t format;
  int64_t I, O;

  ON_BOTH int64_t rowBytes() const {
    return format == INSEQ_INT8 ? O : format == INSEQ_INT4 ? (O + 1) / 2 : 2 * O;
  }
  /** int32 words, and float32 scales, that it takes. */
  int64_t words() const { return (I * rowBytes() + 3) / 4; }
  int64_t scaleCount() const {
    return format == INSEQ_INT8 ? O : format == INSEQ_INT4 ? (I + GROUP_ROWS - 1) / GROUP_ROWS * O : 0;
  }

  ON_BOTH const float* scalesOf(int64_t row) const {
    return scales + (format == INSEQ_INT4 ? row / GROUP_ROWS * O : 0);
  }

  /** The number in row i and column o. */
  ON_BOTH float at(int64_t i, int64_t o) const {
    const uint8_t* row = bytes + i * rowBytes();
    if (format == INSEQ_INT8) return static_cast<float>(static_cast<int8_t>(row[o])) * scales[o];
    if (format == INSEQ_INT4) {
      const int code = (row[o >> 1] >> (4 * (o & 1)) & 15) - 8;
      return static_cast<float>(code) * scalesOf(i)[o];
    }
    const uint32_t bits = bitsOfBfloat16(static_cast<uint16_t>(row[2 * o] | row[2 * o + 1] << 8));
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
};

inline bool isCompactFormat(int32_t format) {
  return format == INSEQ_INT8 || format == INSEQ_INT4 || format == INSEQ_COMPACT_BFLOAT16;
}

}  // namespace inseq
