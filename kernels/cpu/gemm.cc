// The matrix product: see gemm.h for the layout. Here: the micro-kernel, the loops around it, and sharing it out.

#include "gemm.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "bfloat16.h"
#include "micro.h"
#include "threads.h"
#include "tiles.h"

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

/** The piece [R rows] × [NR columns] of c: where numbers are multiplied, unless in bfloat16 (bfloat16.h). */
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
#pragma GCC unroll 14
  for (int r = 0; r < R; r++) finishRow(sum[r][0], sum[r][1], c[r], columns, add, bias);
}

using Micro = void (*)(int64_t, const float*, const float*, float* const*, int64_t, bool, const float*);

template <int... R>
constexpr ByRows<Micro> byRows(std::integer_sequence<int, R...>) {
  return {{nullptr, micro<R + 1>...}};
}
constexpr ByRows<Micro> MICRO = byRows(std::make_integer_sequence<int, MR>{});

}  // namespace

const float* findBlock(const Columns& b, int64_t K, int64_t N, int64_t k0, int64_t kc, int64_t packed, int64_t panel,
                       float* made) {
  const int64_t columns = std::min<int64_t>(NR, N - panel * NR);
  if (b.panels) return b.panels + panelOffset(N, k0, packed, panel);
  if (b.panelsOfTransposed) {
    packPanelOfTransposed(b.panelsOfTransposed, K, N, k0, kc, panel, made);
  } else if (b.compact) {
    packCompactPanel(*b.compact, b.compactIsTransposed, k0, kc, panel * NR, columns, made);
  } else {
    packPanel(b.view, k0, kc, panel * NR, columns, made);
  }
  return made;
}

namespace {

/** Panels whose blocks are in the second-level cache together: a tile of a is read once for all of them. */
constexpr int64_t GROUP = 4;

}  // namespace

void multiply(const Product& p, int64_t fromTile, int64_t toTile, int64_t fromPanel, int64_t toPanel) {
  thread_local Scratch scratch, wordScratch;
  const float* blocks[GROUP];
  uint32_t* words = p.words ? reinterpret_cast<uint32_t*>(wordScratch.get(GROUP * PITCH * NR)) : nullptr;
  for (int64_t kb = 0; kb < blockCount(p.K); kb++) {
    const int64_t k0 = kb * KC, kc = std::min(KC, p.K - k0), packed = std::min(KC, std::max(p.depth, p.K) - k0);
    const bool last = kb + 1 == blockCount(p.K);
    float* made = p.b.panels ? nullptr : scratch.get(GROUP * KC * NR);
    for (int64_t group = fromPanel; group < toPanel; group += GROUP) {
      const int64_t end = std::min(toPanel, group + GROUP);
      for (int64_t i = 0; i < end - group; i++) {
        blocks[i] = findBlock(p.b, p.K, p.N, k0, kc, packed, group + i, made + (made ? i * kc * NR : 0));
        if (words) roundBlock(blocks[i], kc, words + i * PITCH * NR);
      }
      for (int64_t t = fromTile; t < toTile; t++) {
        const int64_t m0 = tileStart(p.M, t), count = tileStart(p.M, t + 1) - m0;
        const float* tile = words ? nullptr : p.tiles + m0 * p.K + k0 * count;
        for (int64_t panel = group; panel < end; panel++) {
          const int64_t column = panel * NR, columns = std::min<int64_t>(NR, p.N - column);
          float* c[MR];
          for (int64_t r = 0; r < count; r++) c[r] = p.c + (p.rows ? p.rows[m0 + r] : m0 + r) * p.ldc + column;
          const bool add = p.accumulate || kb > 0;
          const float* bias = last && p.epilogue.bias ? p.epilogue.bias + column : nullptr;
          if (words) {
            multiplyWords(count, wordCount(kc), p.words + (kb * p.M + m0) * PITCH,
                          words + (panel - group) * PITCH * NR, c, columns, add, bias);
          } else {
            MICRO.of[count](kc, tile, blocks[panel - group], c, columns, add, bias);
          }
          if (last) p.epilogue.finish(c, count, columns);
        }
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
  multiply({M, N, K, tiles, {panels}, c, ldc, nullptr, {}, accumulate, 0}, 0, tileCount(M), 0, panelCount(N));
}

namespace {

/** Rows of a that are packed together: their tiles stay in the cache while all of b goes by. */
constexpr int64_t BLOCK_ROWS = 336;
/** Numbers of b that are turned around together for all blocks of rows. */
constexpr int64_t TURNED = 1 << 22;
/** Pieces of c of about this many multiplications, so that a small product is not shared out. */
constexpr int64_t PIECE = 1 << 18;

/** Some columns of c, all rows. */
struct Range {
  Columns b;
  Epilogue epilogue;
  int64_t column, columns;
  bool rounded;  // multiplied in bfloat16
};

/** The rows from ≤ m < to of some columns of c, by all threads. */
void multiplyBlock(View a, const int64_t* rows, const Range& range, int64_t from, int64_t to, int64_t N, int64_t K,
                   float* c) {
  // Reused from call to call: fresh memory costs a page fault every 4 KiB. One for each thread that calls.
  thread_local Scratch tileScratch, wordScratch;
  const int64_t M = to - from, panels = panelCount(range.columns), threads = threadCount();
  float* tiles = range.rounded ? nullptr : tileScratch.get(M * K);
  uint32_t* words = range.rounded ? reinterpret_cast<uint32_t*>(wordScratch.get(blockCount(K) * M * PITCH)) : nullptr;
  const View block{rows ? a.data : a.data + from * a.row, a.row, a.column};
  const int64_t* blockRows = rows ? rows + from : nullptr;
  parallelRanges(tileCount(M), std::max<int64_t>(1, 32768 / (MR * K)), [&](int64_t first, int64_t end) {
    if (words) {
      roundRows(block, blockRows, M, K, tileStart(M, first), tileStart(M, end), words);
    } else {
      packTiles(block, blockRows, M, K, first, end, tiles);
    }
  });
  int64_t panelsPerPiece = std::clamp<int64_t>(PIECE / (M * K * NR), 1, panels);
  // Several panels together read a less often, and read longer runs of b where it is not packed; still there are pieces
  // enough for threads that are held up.
  panelsPerPiece = std::max(panelsPerPiece, std::min<int64_t>(GROUP, panels / (4 * threads)));
  // Few panels for many threads: cut the rows, too.
  const int64_t columnPieces = (panels + panelsPerPiece - 1) / panelsPerPiece;
  const int64_t most = std::max<int64_t>(1, std::min(tileCount(M), M * K * panels * NR / (8 * PIECE)));
  const int64_t rowPieces = std::clamp<int64_t>((2 * threads + columnPieces - 1) / columnPieces, 1, most);
  float* target = c + (rows ? 0 : from * N) + range.column;
  const Product product{M, range.columns, K, tiles, range.b, target, N, blockRows, range.epilogue, false, 0, words};
  parallelFor(columnPieces * rowPieces, [&](int64_t i) {
    const int64_t row = i % rowPieces, column = i / rowPieces;
    multiply(product, tileCount(M) * row / rowPieces, tileCount(M) * (row + 1) / rowPieces, column * panelsPerPiece,
             std::min(panels, (column + 1) * panelsPerPiece));
  });
}

/** All rows of some columns: in blocks, unless what is packed or rounded when it is used would be so again for each. */
void multiplyRange(View a, const int64_t* rows, const Range& range, int64_t M, int64_t N, int64_t K, float* c) {
  const int64_t blocks = range.b.panels && !range.rounded ? (M + BLOCK_ROWS - 1) / BLOCK_ROWS : 1;
  for (int64_t i = 0; i < blocks; i++) multiplyBlock(a, rows, range, M * i / blocks, M * (i + 1) / blocks, N, K, c);
}

/** Panels [from, to) of b, of which bᵀ [N, K] is packed, by all threads. */
void turnPanels(const float* transposedPanels, int64_t K, int64_t N, int64_t from, int64_t to, float* turned) {
  const int64_t columns = std::min(N, to * NR) - from * NR;
  parallelRanges(to - from, 1, [&](int64_t first, int64_t end) {
    for (int64_t k0 = 0; k0 < K; k0 += KC) {
      const int64_t kc = std::min(KC, K - k0);
      for (int64_t p = first; p < end; p++) {
        packPanelOfTransposed(transposedPanels, K, N, k0, kc, from + p, turned + panelOffset(columns, k0, kc, p));
      }
    }
  });
}

}  // namespace

void multiplyLarge(View a, const int64_t* rows, const Columns& b, const Epilogue& epilogue, int64_t M, int64_t N,
                   int64_t K, float* c, Arithmetic arithmetic) {
  if (M == 0 || N == 0) return;
  if (K == 0) {
    for (int64_t m = 0; m < M; m++) {
      float* row = c + (rows ? rows[m] : m) * N;
      for (int64_t n = 0; n < N; n++) row[n] = epilogue.bias ? epilogue.bias[n] : 0.0f;
      epilogue.finish(&row, 1, N);
    }
    return;
  }
  if (hasTiles() && arithmetic == Arithmetic::ROUNDED) return multiplyRounded({a, rows, b, epilogue, M, N, K, c, 0});
  if (arithmetic == Arithmetic::TAKEN_APART && hasManyRows(M)) {
    const float crest = b.crest < 0 && asksCrest(M, K) ? crestOf(b, K, N) : b.crest;
    const std::vector<int64_t> left = multiplyOnTiles({a, rows, b, epilogue, M, N, K, c, crest});
    return multiplyLarge(a, left.data(), b, epilogue, static_cast<int64_t>(left.size()), N, K, c);
  }
  const bool rounded = arithmetic == Arithmetic::ROUNDED && hasBfloat16();
  if (!b.panelsOfTransposed || M <= BLOCK_ROWS || rounded) {
    return multiplyRange(a, rows, {b, epilogue, 0, N, rounded}, M, N, K, c);
  }
  thread_local Scratch scratch;
  const int64_t panels = panelCount(N), together = std::max<int64_t>(1, TURNED / (K * NR));
  for (int64_t from = 0; from < panels; from += together) {
    const int64_t to = std::min(panels, from + together), column = from * NR, columns = std::min(N, to * NR) - column;
    float* turned = scratch.get(packedSize(K, columns));
    turnPanels(b.panelsOfTransposed, K, N, from, to, turned);
    multiplyRange(a, rows, {{turned}, epilogue.from(column), column, columns, false}, M, N, K, c);
  }
}

}  // namespace inseq
