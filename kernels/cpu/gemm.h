// The matrix product that all kernels share, on packed operands.
//
// c = a b with a [M, K] packed in tiles of at most MR rows (tile: [k][row]) and b [K, N] in panels of NR columns
// (panel: [k][column], the last one filled with zeros). A micro-kernel keeps an MR × NR piece of c in registers. K is cut
// into blocks of KC so that a panel's block stays in the second-level cache; blocks are added to c in order. Every number
// of c is therefore summed in the same order whatever M, N, the other rows, or the number of threads: one row alone gives
// the same bits as that row among others. Products of many rows may be made on tiles instead (tiles.h), in another order: a
// row's bits then depend on which of the two ways its product takes, which its number of rows alone decides.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "compact.h"
#include "vector.h"

namespace inseq {

#if defined(__AVX512F__)
constexpr int MR = 14;  // 28 of 32 registers hold c
#elif defined(__AVX2__)
constexpr int MR = 6;  // 12 of 16
#else
constexpr int MR = 6;
#endif
constexpr int NR = 2 * W;
constexpr int64_t KC = 768;

/** A matrix of any layout: element (r, c) at data[r * row + c * column]. */
struct View {
  const float* data;
  int64_t row, column;
};

inline View rowMajor(const float* data, int64_t columns) { return {data, columns, 1}; }
inline View transposed(const float* data, int64_t columns) { return {data, 1, columns}; }

/** Memory that is not initialised, aligned for vectors, and only grows. */
class Scratch {
 public:
  float* get(int64_t count);

 private:
  struct Free {
    void operator()(float* p) const;
  };
  std::unique_ptr<float, Free> data_;
  int64_t size_ = 0;
};

inline int64_t panelCount(int64_t N) { return (N + NR - 1) / NR; }
inline int64_t blockCount(int64_t K) { return (K + KC - 1) / KC; }
/** Where panel p of the block that begins at k0 (kc rows) starts in packed b. */
inline int64_t panelOffset(int64_t N, int64_t k0, int64_t kc, int64_t p) {
  return k0 * panelCount(N) * NR + p * kc * NR;
}
inline int64_t packedSize(int64_t K, int64_t N) { return K * panelCount(N) * NR; }

/** Panels [from, to) of b: block after block of KC, in each block panel after panel. */
void packPanels(View b, int64_t K, int64_t N, int64_t from, int64_t to, float* packed);

/** The packed b [K, N], row by row again. */
void readPanels(const float* packed, int64_t K, int64_t N, float* b);

/** One panel's block of b: kc rows from k0 of `columns` ≤ NR columns. */
void packPanel(View b, int64_t k0, int64_t kc, int64_t column0, int64_t columns, float* out);
/** The same from the panels of bᵀ [N, K]. */
void packPanelOfTransposed(const float* panels, int64_t K, int64_t N, int64_t k0, int64_t kc, int64_t panel, float* out);

/** The same from a matrix in fewer bits, or from its transpose. */
void packCompactPanel(const Compact& w, bool transposed, int64_t k0, int64_t kc, int64_t column0, int64_t columns,
                      float* out);

/** b [K, N] of a product, in one of four forms. */
struct Columns {
  const float* panels = nullptr;             // packed
  const float* panelsOfTransposed = nullptr;  // bᵀ [N, K], packed
  View view{};                               // or as it lies
  const Compact* compact = nullptr;          // or in fewer bits
  bool compactIsTransposed = false;
  float crest = -1;                          // crestOf(b), if somebody has found it out
};

/** The block [k0, k0 + kc) of a panel of b [K, N], made in `made` if it is not packed; `packed`: rows of a packed block. */
const float* findBlock(const Columns& b, int64_t K, int64_t N, int64_t k0, int64_t kc, int64_t packed, int64_t panel,
                       float* made);

/**
 * How far the largest magnitude in a column of b [K, N] stands out: over the mean magnitude of those numbers of the column's block of
 * KC that are not zero, the largest of all columns and blocks. ∞ where that is not between 2⁻³² and 2⁵⁶ somewhere, or NaN. By all
 * threads.
 */
float crestOf(const Columns& b, int64_t K, int64_t N);

/** Row r of tile t of M rows is row tileStart(M, t) + r. Tiles are as even as possible. */
inline int64_t tileCount(int64_t M) { return (M + MR - 1) / MR; }
inline int64_t tileStart(int64_t M, int64_t t) { return M * t / tileCount(M); }

/** Tiles [from, to) of a, tile t at packed + tileStart * K. `rows`, if given, are the rows of a to take. */
void packTiles(View a, const int64_t* rows, int64_t M, int64_t K, int64_t from, int64_t to, float* packed);

/** y[i] = f(x[i]), i < n, for each of some rows x, whose results go to y = x + toResult numbers; 0: in their place. */
using RowFunction = void (*)(float* const* x, int64_t rows, int64_t n, int64_t toResult);

/** What becomes of a product c [M, N]: c + bias and, where there is a function, φ(c + bias) once all of K is summed. */
struct Epilogue {
  const float* bias = nullptr;     // [N], or null
  RowFunction function = nullptr;  // or null
  int64_t toResult = 0;            // from a number of c to where φ of it goes; 0: in its place

  Epilogue from(int64_t column) const { return {bias ? bias + column : nullptr, function, toResult}; }
  /** For n whole sums in each of some rows, while they are in the first-level cache. */
  void finish(float* const* c, int64_t rows, int64_t n) const {
    if (function) function(c, rows, n, toResult);
  }
};

struct Product {
  int64_t M, N, K;
  const float* tiles;  // packed a
  Columns b;
  float* c;
  int64_t ldc;
  const int64_t* rows;  // row of c for each row of a, or null for the same
  Epilogue epilogue;
  bool accumulate;  // add to what c holds
  int64_t depth;    // K with which b was packed, if more than the first K rows of b; else 0
  const uint32_t* words = nullptr;  // instead of tiles: a rounded to bfloat16 (bfloat16.h); b is then rounded, too
};

/** The piece of c in tiles × panels [from, to), one thread. What is not packed is, a block at a time, when it is used. */
void multiply(const Product& product, int64_t fromTile, int64_t toTile, int64_t fromPanel, int64_t toPanel);

/** c (+)= a b by one thread, packing both operands into `scratch`. */
void multiplySmall(View a, View b, int64_t M, int64_t N, int64_t K, float* c, int64_t ldc, bool accumulate,
                   Scratch& scratch);

enum class Arithmetic {
  FLOAT32,      // by multiply-add
  TAKEN_APART,  // as exact as that; for many rows in other steps: on tiles, where they are (tiles.h)
  ROUNDED       // of factors in bfloat16, where that is faster (bfloat16.h)
};

/** c = a b, and its epilogue, by all threads. a.column is 1, unless all is FLOAT32. */
void multiplyLarge(View a, const int64_t* rows, const Columns& b, const Epilogue& epilogue, int64_t M, int64_t N,
                   int64_t K, float* c, Arithmetic arithmetic = Arithmetic::FLOAT32);

}  // namespace inseq
