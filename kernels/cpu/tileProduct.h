// What products on tiles share, whatever float32 is taken apart into (digits.h, parts.h): the order of tiles, and sharing out.
//
// A tile of a is 16 rows × DEPTH numbers, one of b DEPTH numbers × 16 columns; as many numbers as fit into four bytes, one after
// the other along K, are one word, the first in its lowest bits. A form of small numbers makes SMALL tiles of each:
//
//   a: [block of KC][16 rows][DEPTH numbers along K][SMALL] tiles of [row][word]
//   b: [panel][half of its columns][DEPTH numbers along K][SMALL] tiles of [word][column], for a block of KC
//
// a comes from beyond the second-level cache, in which the panels of b stay.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>

#include "bfloat16.h"
#include "micro.h"
#include "threads.h"
#include "tiles.h"

#if HAS_BFLOAT16

namespace inseq {

constexpr int64_t ROWS = 16, WORDS = 16 * 16;  // of a tile
/** Panels of b for which rows of a are read once: 147 KB each in three parts. */
constexpr int64_t GROUP = 6;

// ---- magnitudes, as the bits of floats ----

inline VI magnitude(V x) { return bits(x) & 0x7fffffff; }
inline VI larger(VI a, VI b) { return a > b ? a : b; }
inline int32_t largestOf(VI v) {
  int32_t largest = 0;
  for (int i = 0; i < W; i++) largest = std::max(largest, v[i]);
  return largest;
}
inline int64_t sumOf(VI v) {
  int64_t sum = 0;
  for (int i = 0; i < W; i++) sum += v[i];
  return sum;
}

// ---- multiplying ----

struct alignas(64) TileShapes {
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t rowBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// Tiles 0 to 3 are sums of 32 rows × 32 columns, 4 and 5 their rows of a, 6 and 7 their columns of b.
#define LOAD_A(small)                \
  _tile_loadd(4, a + (small) * WORDS, 64); \
  if (TWO) _tile_loadd(5, a + next + (small) * WORDS, 64)
#define LOAD_B(small)                \
  _tile_loadd(6, b + (small) * WORDS, 64); \
  _tile_loadd(7, b + next + (small) * WORDS, 64)
#define MULTIPLY(instruction) \
  instruction(0, 4, 6);       \
  instruction(1, 4, 7);       \
  if (TWO) instruction(2, 5, 6); \
  if (TWO) instruction(3, 5, 7)
#define CLEAR_SUMS \
  _tile_zero(0);   \
  _tile_zero(1);   \
  _tile_zero(2);   \
  _tile_zero(3)
/** To sums [32][NR]. */
#define STORE_SUMS(sums)                     \
  _tile_stored(0, sums, NR * 4);             \
  _tile_stored(1, sums + 16, NR * 4);        \
  if (TWO) _tile_stored(2, sums + 16 * NR, NR * 4); \
  if (TWO) _tile_stored(3, sums + 16 * NR + 16, NR * 4)

/** Words of two tiles of a, a step long, for each panel of a group. */
template <class Form>
constexpr int64_t SHARE = 2 * Form::SMALL * WORDS / GROUP;
template <class Form>
constexpr int64_t STEPS = KC / Form::DEPTH;
inline int64_t stepCount(int64_t kc, int64_t depth) { return (kc + depth - 1) / depth; }

/** Some rows of c; a has been taken apart, b is when it is used. */
template <class Form>
struct Block {
  const uint32_t* a;
  const float* scales;  // of rows: [row][block of KC]
  Columns b;
  float* c;
  const int64_t* rows;  // of c
  Epilogue epilogue;
  int64_t M, N, K;

  int64_t tiles() const { return (M + ROWS - 1) / ROWS; }
};

/** Rows of tiles × panels [from, to), one thread. Returns the magnitude of the largest number of b, as bits. */
template <class Form>
__attribute__((target("amx-tile"))) int32_t multiplyPiece(const Block<Form>& block, int64_t fromTile, int64_t toTile,
                                                         int64_t fromPanel, int64_t toPanel) {
  thread_local Scratch floats, words;
  constexpr int64_t PANEL = 2 * STEPS<Form> * Form::SMALL * WORDS;  // words of a panel's block
  uint32_t* panels = reinterpret_cast<uint32_t*>(words.get(GROUP * PANEL));
  alignas(64) float columnUnits[GROUP][NR];
  int32_t largest = 0;
  const TileShapes shapes;
  _tile_loadconfig(&shapes);
  for (int64_t kb = 0; kb < blockCount(block.K); kb++) {
    const int64_t k0 = kb * KC, kc = std::min(KC, block.K - k0), steps = stepCount(kc, Form::DEPTH);
    const uint32_t* rowsOfTiles = block.a + kb * STEPS<Form> * Form::SMALL * WORDS * block.tiles();
    const bool last = kb + 1 == blockCount(block.K);
    for (int64_t group = fromPanel; group < toPanel; group += GROUP) {
      const int64_t end = std::min(toPanel, group + GROUP);
      for (int64_t panel = group; panel < end; panel++) {
        const float* made = findBlock(block.b, block.K, block.N, k0, kc, kc, panel, floats.get(KC * NR));
        const int32_t of = Form::splitPanel(made, kc, panels + (panel - group) * PANEL, columnUnits[panel - group]);
        largest = std::max(largest, of);
      }
      for (int64_t tile = fromTile; tile < toTile; tile += 2) {
        const uint32_t* a = rowsOfTiles + tile * steps * Form::SMALL * WORDS;
        const bool two = tile + 1 < toTile;
        const int64_t m0 = tile * ROWS, count = std::min((two ? 2 : 1) * ROWS, block.M - m0);
        const float* scales = block.scales + m0 * blockCount(block.K) + kb;
        for (int64_t panel = group; panel < end; panel++) {
          alignas(64) uint32_t sums[Form::SUMS * 2 * ROWS * NR];
          const uint32_t* b = panels + (panel - group) * PANEL;
          // The tiles of a that come next, if any do.
          const uint32_t* following = tile + 2 < toTile ? a + 2 * steps * Form::SMALL * WORDS : a;
          const uint32_t* ahead = following + (panel - group) * steps * SHARE<Form>;
          two ? Form::template multiply<true>(steps, a, b, ahead, sums)
              : Form::template multiply<false>(steps, a, b, ahead, sums);
          const int64_t column = panel * NR, columns = std::min<int64_t>(NR, block.N - column);
          const float* unitsOfPanel = columnUnits[panel - group];
          float* c[2 * ROWS];
          for (int64_t r = 0; r < count; r++) {
            c[r] = block.c + block.rows[m0 + r] * block.N + column;
            const float scale = scales[r * blockCount(block.K)];
            finishRow(Form::sum(sums + r * NR, scale, unitsOfPanel),
                      Form::sum(sums + r * NR + W, scale, unitsOfPanel + W), c[r], columns, kb > 0,
                      last && block.epilogue.bias ? block.epilogue.bias + column : nullptr);
          }
          if (last) block.epilogue.finish(c, count, columns);
        }
      }
    }
  }
  _tile_release();
  return largest;
}

/** Rows of a that are taken apart together: at most this many, and about this many words. */
constexpr int64_t MOST_ROWS = 1024, MOST_WORDS = 1 << 24;
/** Pieces of c of about this many multiplications, so that a small product is not shared out. */
constexpr int64_t MULTIPLICATIONS = 1 << 20;

/** What a product leaves to others. */
struct Left {
  std::vector<int64_t> rows;  // places in a
  int32_t largestOfColumns;   // magnitude, as bits
};

/** A product of rows that the form holds, block after block of them. */
template <class Form>
Left multiplyBlocks(const ManyRows& product) {
  const auto& [a, rows, b, epilogue, M, N, K, c, crest] = product;
  thread_local Scratch scratch, scaleScratch;
  const int64_t kBlocks = blockCount(K), panels = panelCount(N), threads = threadCount();
  const int64_t wordsOfRow = kBlocks * STEPS<Form> * Form::SMALL * 16;
  const int64_t most = std::clamp(MOST_WORDS / wordsOfRow, 2 * ROWS, MOST_ROWS), blocks = (M + most - 1) / most;
  Left left{{}, 0};
  std::atomic<int32_t> largestOfColumns{0};
  for (int64_t i = 0; i < blocks; i++) {
    const int64_t from = M * i / blocks, all = M * (i + 1) / blocks - from;
    const auto place = [&](int64_t m) { return rows ? rows[from + m] : from + m; };
    float* scales = scaleScratch.get(all * kBlocks);
    std::vector<char> isHeld(static_cast<size_t>(all));
    parallelRanges(all, 1 + 32768 / K, [&](int64_t first, int64_t end) {
      for (int64_t m = first; m < end; m++)
        isHeld[m] = Form::holds(a.data + place(m) * a.row, K, crest, scales + m * kBlocks);
    });
    std::vector<int64_t> held;
    for (int64_t m = 0; m < all; m++) {
      if (isHeld[m]) std::copy_n(scales + m * kBlocks, kBlocks, scales + static_cast<int64_t>(held.size()) * kBlocks);
      (isHeld[m] ? held : left.rows).push_back(place(m));
    }
    const int64_t count = static_cast<int64_t>(held.size()), tiles = (count + ROWS - 1) / ROWS;
    if (count == 0) continue;
    uint32_t* words = reinterpret_cast<uint32_t*>(scratch.get(tiles * ROWS * wordsOfRow));
    parallelRanges(tiles, 1 + 32768 / (ROWS * K), [&](int64_t first, int64_t end) {
      for (int64_t tile = first; tile < end; tile++) {
        const int64_t m0 = tile * ROWS, rowCount = std::min(ROWS, count - m0);
        const float* row[ROWS];
        for (int64_t r = 0; r < rowCount; r++) row[r] = a.data + held[m0 + r] * a.row;
        for (int64_t kb = 0; kb < kBlocks; kb++) {
          const int64_t kc = std::min(KC, K - kb * KC), steps = stepCount(kc, Form::DEPTH);
          Form::splitRows(row, rowCount, kb * KC, kc, scales + m0 * kBlocks + kb, kBlocks,
                          words + (kb * STEPS<Form> * tiles + tile * steps) * Form::SMALL * WORDS);
        }
      }
    });
    const Block<Form> block{words, scales, b, c, held.data(), epilogue, count, N, K};
    int64_t together = std::clamp<int64_t>(MULTIPLICATIONS / (count * K * NR), 1, panels);
    together = std::max(together, std::clamp<int64_t>(panels / (2 * threads), 1, GROUP));
    const int64_t columnPieces = (panels + together - 1) / together, pairs = (tiles + 1) / 2;
    // Few panels for many threads: cut the rows, too; each piece then takes b apart again.
    const int64_t rowPieces = std::clamp<int64_t>(2 * threads / columnPieces, 1, (pairs + 3) / 4);
    parallelFor(columnPieces * rowPieces, [&](int64_t piece) {
      const int64_t row = piece % rowPieces, column = piece / rowPieces;
      const int32_t largest =
          multiplyPiece<Form>(block, pairs * row / rowPieces * 2, std::min(tiles, pairs * (row + 1) / rowPieces * 2),
                              column * together, std::min(panels, (column + 1) * together));
      int32_t known = largestOfColumns.load();
      while (largest > known && !largestOfColumns.compare_exchange_weak(known, largest)) {
      }
    });
  }
  left.largestOfColumns = largestOfColumns.load();
  return left;
}

}  // namespace inseq

#endif
