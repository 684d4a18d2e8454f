// Packing of operands for the matrix product: see gemm.h for the layout. Squares of W × W numbers are turned in registers.

#include <algorithm>

#include "gemm.h"
#include "threads.h"

namespace inseq {

void packPanel(View b, int64_t k0, int64_t kc, int64_t column0, int64_t columns, float* out) {
  if (b.column == 1) {
    for (int64_t k = 0; k < kc; k++) {
      const float* from = b.data + (k0 + k) * b.row + column0;
      float* to = out + k * NR;
      if (columns == NR) {
        store(to, load(from));
        store(to + W, load(from + W));
      } else {
        for (int64_t j = 0; j < NR; j++) to[j] = j < columns ? from[j] : 0.0f;
      }
    }
    return;
  }
  // Columns of b are contiguous (b is transposed): squares of W × W numbers are turned in registers.
  constexpr int64_t PIECE = W;
  for (int64_t k = 0; k < kc; k += PIECE) {
    const int64_t piece = std::min(PIECE, kc - k);
    if (columns == NR && piece == PIECE && b.row == 1) {
      for (int64_t half = 0; half < NR; half += W) {
        const float* from = b.data + k0 + k + (column0 + half) * b.column;
        V rows[W];
        for (int j = 0; j < W; j++) rows[j] = load(from + j * b.column);
        transpose(rows);
        for (int i = 0; i < W; i++) store(out + (k + i) * NR + half, rows[i]);
      }
      continue;
    }
    for (int64_t j = 0; j < NR; j++) {
      float* to = out + k * NR + j;
      if (j >= columns) {
        for (int64_t i = 0; i < piece; i++) to[i * NR] = 0.0f;
        continue;
      }
      const float* from = b.data + (k0 + k) * b.row + (column0 + j) * b.column;
      for (int64_t i = 0; i < piece; i++) to[i * NR] = from[i * b.row];
    }
  }
}

void packPanelOfTransposed(const float* panels, int64_t K, int64_t N, int64_t k0, int64_t kc, int64_t panel,
                           float* out) {
  // NR divides KC, so that the rows of bᵀ that become this panel's columns lie in one block.
  const int64_t n0 = panel * NR, block = n0 / KC * KC, depth = std::min(KC, N - block);
  const int64_t columns = std::min<int64_t>(NR, N - n0), next = depth * NR;
  for (int64_t k = 0; k < kc; k += W) {
    const float* from = panels + panelOffset(K, block, depth, (k0 + k) / NR) + (n0 - block) * NR + (k0 + k) % NR;
    const int64_t piece = std::min<int64_t>(W, kc - k);
    // The next panel's rows lie on another page, which no prefetcher of a processor foresees.
    if (k + NR < kc)
      for (int64_t j = 0; j < columns; j++) __builtin_prefetch(from + next + j * NR);
    for (int half = 0; half < NR; half += W) {
      V rows[W];
      for (int j = 0; j < W; j++) rows[j] = n0 + half + j < N ? load(from + (half + j) * NR) : V{};
      transpose(rows);
      for (int64_t i = 0; i < piece; i++) store(out + (k + i) * NR + half, rows[i]);
    }
  }
}

void packPanels(View b, int64_t K, int64_t N, int64_t from, int64_t to, float* packed) {
  for (int64_t kb = 0; kb < blockCount(K); kb++) {
    const int64_t k0 = kb * KC, kc = std::min(KC, K - k0);
    for (int64_t p = from; p < to; p++) {
      packPanel(b, k0, kc, p * NR, std::min<int64_t>(NR, N - p * NR), packed + panelOffset(N, k0, kc, p));
    }
  }
}

void readPanels(const float* packed, int64_t K, int64_t N, float* b) {
  parallelRanges(K, 1 + 65536 / N, [&](int64_t from, int64_t to) {
    for (int64_t k = from; k < to; k++) {
      const int64_t k0 = k / KC * KC, kc = std::min(KC, K - k0);
      for (int64_t p = 0; p < panelCount(N); p++) {
        const float* row = packed + panelOffset(N, k0, kc, p) + (k - k0) * NR;
        std::copy_n(row, std::min<int64_t>(NR, N - p * NR), b + k * N + p * NR);
      }
    }
  });
}

void packTiles(View a, const int64_t* rows, int64_t M, int64_t K, int64_t from, int64_t to, float* packed) {
  for (int64_t t = from; t < to; t++) {
    const int64_t m0 = tileStart(M, t), count = tileStart(M, t + 1) - m0;
    float* out = packed + m0 * K;
    const float* row[MR];
    for (int64_t r = 0; r < count; r++) row[r] = a.data + (rows ? rows[m0 + r] : m0 + r) * a.row;
    if (a.column == 1) {
      int64_t k = 0;
      if constexpr (MR <= W) {
        // A stored vector reaches into the columns that follow, which are stored after it.
        for (; k + 2 * W <= K; k += W) {
          V square[W];
          for (int r = 0; r < W; r++) square[r] = r < count ? load(row[r] + k) : V{};
          transpose(square);
          for (int i = 0; i < W; i++) store(out + i * count, square[i]);
          out += W * count;
        }
      }
      for (; k < K; k++)
        for (int64_t r = 0; r < count; r++) *out++ = row[r][k];
    } else {
      for (int64_t k = 0; k < K; k++)
        for (int64_t r = 0; r < count; r++) *out++ = row[r][k * a.column];
    }
  }
}

}  // namespace inseq

