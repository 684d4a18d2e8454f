// The matrix product: see gemm.h for the layout. Here: packing, the micro-kernel, the loops around it, and sharing it out.

#include "gemm.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "threads.h"

namespace inseq {

float* Scratch::get(int64_t count) {
  if (count > size_) {
    data_.reset();
    size_ = 0;
    void* made = nullptr;
    if (posix_memalign(&made, 64, static_cast<size_t>(std::max<int64_t>(count, 1)) * sizeof(float)) != 0) {
      throw std::bad_alloc();
    }
    data_.reset(static_cast<float*>(made));
    size_ = count;
  }
  return data_.get();
}
void Scratch::Free::operator()(float* p) const { std::free(p); }

namespace {

/** Numbers of b that are packed before they are used: 8 MiB. */
constexpr int64_t PACKED_AT_A_TIME = 1 << 21;

/** Block kb of K starts at this row of b. */
inline int64_t blockStart(int64_t kb) { return kb * KC; }
inline int64_t blockCount(int64_t K) { return (K + KC - 1) / KC; }
/** Where panel p of the block that begins at k0 (kc rows) starts in packed b. */
inline int64_t panelOffset(int64_t N, int64_t k0, int64_t kc, int64_t p) {
  return k0 * panelCount(N) * NR + p * kc * NR;
}

/** One panel's block: kc rows of NR columns. */
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

/** The piece [R rows] × [NR columns] of c: the only place where numbers are multiplied. */
template <int R>
void micro(int64_t kc, const float* a, const float* b, float* const* c, int64_t columns, bool add, const float* bias) {
  V sum[R][2];
#pragma GCC unroll 14
  for (int r = 0; r < R; r++) sum[r][0] = sum[r][1] = V{};
  for (int64_t k = 0; k < kc; k++) {
    const V b0 = load(b), b1 = load(b + W);
    __builtin_prefetch(b + 16 * NR);
    __builtin_prefetch(b + 16 * NR + W);
#pragma GCC unroll 14
    for (int r = 0; r < R; r++) {
      sum[r][0] += b0 * a[r];
      sum[r][1] += b1 * a[r];
    }
    a += R;
    b += NR;
  }
  if (columns == NR) {
    const V bias0 = bias ? load(bias) : V{}, bias1 = bias ? load(bias + W) : V{};
#pragma GCC unroll 14
    for (int r = 0; r < R; r++) {
      V y0 = sum[r][0], y1 = sum[r][1];
      if (add) y0 += load(c[r]), y1 += load(c[r] + W);
      if (bias) y0 += bias0, y1 += bias1;
      store(c[r], y0);
      store(c[r] + W, y1);
    }
    return;
  }
  for (int r = 0; r < R; r++) {
    float y[NR];
    store(y, sum[r][0]);
    store(y + W, sum[r][1]);
    for (int64_t j = 0; j < columns; j++) {
      if (add) y[j] += c[r][j];
      if (bias) y[j] += bias[j];
      c[r][j] = y[j];
    }
  }
}

using Micro = void (*)(int64_t, const float*, const float*, float* const*, int64_t, bool, const float*);

template <int... R>
constexpr auto microTable(std::integer_sequence<int, R...>) {
  struct Table {
    Micro of[sizeof...(R) + 1];
  };
  return Table{{nullptr, micro<R + 1>...}};
}
constexpr auto MICRO = microTable(std::make_integer_sequence<int, MR>{});

}  // namespace

void packPanels(View b, int64_t K, int64_t N, int64_t from, int64_t to, float* packed) {
  for (int64_t kb = 0; kb < blockCount(K); kb++) {
    const int64_t k0 = blockStart(kb), kc = std::min(KC, K - k0);
    for (int64_t p = from; p < to; p++) {
      packPanel(b, k0, kc, p * NR, std::min<int64_t>(NR, N - p * NR), packed + panelOffset(N, k0, kc, p));
    }
  }
}

void packTiles(View a, const int64_t* rows, int64_t M, int64_t K, int64_t from, int64_t to, float* packed) {
  for (int64_t t = from; t < to; t++) {
    const int64_t m0 = tileStart(M, t), count = tileStart(M, t + 1) - m0;
    float* out = packed + m0 * K;
    const float* row[MR];
    for (int64_t r = 0; r < count; r++) row[r] = a.data + (rows ? rows[m0 + r] : m0 + r) * a.row;
    if (a.column == 1) {
      for (int64_t k = 0; k < K; k++)
        for (int64_t r = 0; r < count; r++) *out++ = row[r][k];
    } else {
      for (int64_t k = 0; k < K; k++)
        for (int64_t r = 0; r < count; r++) *out++ = row[r][k * a.column];
    }
  }
}

void multiply(const Product& p, int64_t fromTile, int64_t toTile, int64_t fromPanel, int64_t toPanel) {
  for (int64_t kb = 0; kb < blockCount(p.K); kb++) {
    const int64_t k0 = blockStart(kb), kc = std::min(KC, p.K - k0);
    const int64_t packed = std::min(KC, std::max(p.depth, p.K) - k0);
    const bool last = kb + 1 == blockCount(p.K);
    for (int64_t panel = fromPanel; panel < toPanel; panel++) {
      const float* b = p.panels + panelOffset(p.N, k0, packed, panel);
      const int64_t column = panel * NR, columns = std::min<int64_t>(NR, p.N - column);
      for (int64_t t = fromTile; t < toTile; t++) {
        const int64_t m0 = tileStart(p.M, t), count = tileStart(p.M, t + 1) - m0;
        float* c[MR];
        for (int64_t r = 0; r < count; r++) c[r] = p.c + (p.rows ? p.rows[m0 + r] : m0 + r) * p.ldc + column;
        MICRO.of[count](kc, p.tiles + m0 * p.K + k0 * count, b, c, columns, p.accumulate || kb > 0,
                        last && p.bias ? p.bias + column : nullptr);
      }
    }
  }
}

void multiplySmall(View a, View b, int64_t M, int64_t N, int64_t K, float* c, int64_t ldc, bool accumulate,
                   Scratch& scratch) {
  if (M == 0 || N == 0) return;
  if (K == 0) {
    for (int64_t m = 0; m < M && !accumulate; m++) std::fill_n(c + m * ldc, N, 0.0f);
    return;
  }
  float* panels = scratch.get(packedSize(K, N) + M * K);
  float* tiles = panels + packedSize(K, N);
  packPanels(b, K, N, 0, panelCount(N), panels);
  packTiles(a, nullptr, M, K, 0, tileCount(M), tiles);
  multiply({M, N, K, tiles, panels, c, ldc, nullptr, nullptr, accumulate, 0}, 0, tileCount(M), 0, panelCount(N));
}

void multiplyLarge(View a, const int64_t* rows, View b, const float* packed, const float* bias, int64_t M, int64_t N,
                   int64_t K, float* c) {
  if (M == 0 || N == 0) return;
  if (K == 0) {
    for (int64_t m = 0; m < M; m++) {
      float* row = c + (rows ? rows[m] : m) * N;
      for (int64_t n = 0; n < N; n++) row[n] = bias ? bias[n] : 0.0f;
    }
    return;
  }
  // Reused from call to call: fresh memory costs a page fault every 4 KiB. One for each thread that calls.
  thread_local Scratch tileScratch, panelScratch;
  float* tiles = tileScratch.get(M * K);
  parallelRanges(tileCount(M), std::max<int64_t>(1, 32768 / (MR * K)),
                 [&](int64_t from, int64_t to) { packTiles(a, rows, M, K, from, to, tiles); });
  const int64_t panels = panelCount(N);
  // Pieces of c of about this many multiplications, so that a small product is not shared out.
  constexpr int64_t PIECE = 1 << 18;
  const int64_t panelsPerPiece = std::clamp<int64_t>(PIECE / (M * K * NR), 1, panels);
  const auto multiplyPanels = [&](const Product& product, int64_t count) {
    // Few panels for many threads: cut the rows, too.
    const int64_t columnPieces = (count + panelsPerPiece - 1) / panelsPerPiece;
    const int64_t most = std::max<int64_t>(1, std::min(tileCount(M), M * K * count * NR / (8 * PIECE)));
    const int64_t rowPieces = std::clamp<int64_t>((2 * threadCount() + columnPieces - 1) / columnPieces, 1, most);
    parallelFor(columnPieces * rowPieces, [&](int64_t i) {
      const int64_t row = i % rowPieces, column = i / rowPieces;
      multiply(product, tileCount(M) * row / rowPieces, tileCount(M) * (row + 1) / rowPieces,
               column * panelsPerPiece, std::min(count, (column + 1) * panelsPerPiece));
    });
  };
  if (packed != nullptr) {
    multiplyPanels({M, N, K, tiles, packed, c, N, rows, bias, false, 0}, panels);
    return;
  }
  // b is packed some panels at a time, so that they are still in the cache when they are used.
  const int64_t some = std::clamp<int64_t>(PACKED_AT_A_TIME / (K * NR), std::min(panels, 4 * threadCount()), panels);
  for (int64_t from = 0; from < panels; from += some) {
    const int64_t count = std::min(some, panels - from), column = from * NR, columns = std::min(N - column, count * NR);
    const View part{b.data + column * b.column, b.row, b.column};
    float* made = panelScratch.get(packedSize(K, columns));
    parallelRanges(count, std::max<int64_t>(1, 32768 / (NR * K)),
                   [&](int64_t p0, int64_t p1) { packPanels(part, K, columns, p0, p1, made); });
    multiplyPanels({M, columns, K, tiles, made, c + column, N, rows, bias ? bias + column : nullptr, false, 0}, count);
  }
}

}  // namespace inseq
