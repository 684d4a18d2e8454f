// Panels of a matrix in fewer bits, made when a product uses them: see gemm.h.

#include <algorithm>

#include "gemm.h"

namespace inseq {
namespace {

/** Columns [from, from + columns) of one row. */
void readRow(const Compact& w, int64_t row, int64_t from, int64_t columns, float* out) {
  const uint8_t* bytes = w.bytes + row * w.rowBytes();
  if (w.format == INSEQ_INT8) {
    const int8_t* codes = reinterpret_cast<const int8_t*>(bytes) + from;
    for (int64_t j = 0; j < columns; j++) out[j] = static_cast<float>(codes[j]) * w.scales[from + j];
  } else if (w.format == INSEQ_INT4 && from % 2 == 0) {
    const uint8_t* pairs = bytes + from / 2;
    const float* scales = w.scalesOf(row) + from;
    for (int64_t j = 0; j < columns / 2; j++) {
      out[2 * j] = static_cast<float>((pairs[j] & 15) - 8) * scales[2 * j];
      out[2 * j + 1] = static_cast<float>((pairs[j] >> 4) - 8) * scales[2 * j + 1];
    }
    if (columns % 2 != 0) out[columns - 1] = w.at(row, from + columns - 1);
  } else {
    for (int64_t j = 0; j < columns; j++) out[j] = w.at(row, from + j);
  }
}

}  // namespace

void packCompactPanel(const Compact& w, bool transposed, int64_t k0, int64_t kc, int64_t column0, int64_t columns,
                      float* out) {
  if (!transposed) {
    for (int64_t k = 0; k < kc; k++) {
      readRow(w, k0 + k, column0, columns, out + k * NR);
      std::fill(out + k * NR + columns, out + (k + 1) * NR, 0.0f);
    }
    return;
  }
  // The panel's columns are rows of w: a piece of each is read, then laid across.
  constexpr int64_t PIECE = 64;
  float piece[PIECE];
  for (int64_t k = 0; k < kc; k += PIECE) {
    const int64_t count = std::min(PIECE, kc - k);
    for (int64_t j = 0; j < NR; j++) {
      if (j < columns) {
        readRow(w, column0 + j, k0 + k, count, piece);
      } else {
        std::fill_n(piece, count, 0.0f);
      }
      for (int64_t i = 0; i < count; i++) out[(k + i) * NR + j] = piece[i];
    }
  }
}

}  // namespace inseq
