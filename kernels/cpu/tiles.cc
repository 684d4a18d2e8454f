// Products on tiles: see tiles.h. A tile of a is 16 rows × 32 numbers, one of b 32 numbers × 16 columns; two numbers that
// follow each other along K are one word, the first in its lower half.
//
//   a: [block of KC][16 rows][32 numbers along K][part, the smallest first] tiles of [row][word]
//   b: [panel][half of its columns][32 numbers along K][part, the largest first] tiles of [word][column], for a block of KC
//
// which is the order in which they are read: a comes from beyond the second-level cache, in which the panels of b stay.

#include "tiles.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "bfloat16.h"
#include "micro.h"
#include "threads.h"

namespace inseq {
namespace {

std::atomic<int64_t> products{0};

}  // namespace

int64_t tileProducts() { return products.load(); }

#if HAS_BFLOAT16

namespace {

constexpr int64_t ROWS = 16, DEPTH = 32, WORDS = 16 * 16;  // of a tile
constexpr int64_t STEPS = KC / DEPTH;                      // tiles along a block of K
/** Panels of b, 147 KB each in three parts, for which rows of a are read once. */
constexpr int64_t GROUP = 6;

/** CPUID leaf 7: AMX-TILE and AMX-BF16; Linux gives a process the tiles' registers when it asks. */
bool findTiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d >> 24 & 1) == 0 || (d >> 22 & 1) == 0) return false;
  constexpr long REQUEST_PERMISSION = 0x1023, TILE_DATA = 18;
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

// ---- taking numbers apart ----

constexpr int32_t UPPER = static_cast<int32_t>(0xffff0000);

/** The parts of x, in the upper halves of the lanes; the first is the largest. */
template <int PARTS>
inline void takeApart(V x, VI (&part)[PARTS]) {
  if constexpr (PARTS == 1) {
    part[0] = rounded(x);
  } else {
    // To the nearest, halves away from zero: 8 bits each, of which the last need no rounding.
    part[0] = (bits(x) + 0x8000) & UPPER;
    const V rest = x - bits(part[0]);
    part[1] = (bits(rest) + 0x8000) & UPPER;
    part[2] = bits(rest - bits(part[1]));
  }
}

/** Whether three parts hold a row of a, or b: by its largest magnitude, as bits. */
constexpr int32_t power(int exponent) { return (exponent + 127) << 23; }
inline bool holdsRow(int32_t largest) { return largest == 0 || (largest >= power(-56) && largest <= power(56)); }
inline bool holdsColumns(int32_t largest) { return largest == 0 || (largest >= power(-32) && largest <= power(56)); }

inline VI magnitude(V x) { return bits(x) & 0x7fffffff; }
inline VI larger(VI a, VI b) { return a > b ? a : b; }
inline int32_t largestOf(VI v) {
  int32_t largest = 0;
  for (int i = 0; i < W; i++) largest = std::max(largest, v[i]);
  return largest;
}

/** The upper halves of 32 lanes, in order. */
inline void storeUpper(VI first, VI second, uint32_t* out) {
  typedef int16_t Halves __attribute__((vector_size(4 * W)));
  constexpr Halves ODD = {1,  3,  5,  7,  9,  11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31,
                          33, 35, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59, 61, 63};
  const Halves both = __builtin_shuffle((Halves)first, (Halves)second, ODD);
  std::memcpy(out, &both, sizeof both);
}

/**
 * Sixteen rows' block of a, `count` of them there, and the magnitudes of their largest numbers, as bits. One tile after the
 * other, so that what is written is contiguous.
 */
template <int PARTS>
void splitRows(const float* const* row, int64_t count, int64_t k0, int64_t kc, uint32_t* out, int32_t* largest) {
  VI most[ROWS]{};
  for (int64_t k = 0; k < kc; k += DEPTH, out += PARTS * WORDS) {
    const int64_t left = kc - k;
    for (int64_t r = 0; r < ROWS; r++) {
      VI first[PARTS]{}, second[PARTS]{};
      if (r < count) {
        const float* from = row[r] + k0 + k;
        const V x0 = left >= W ? load(from) : load(from, Some{left});
        const V x1 = left >= 2 * W ? load(from + W) : left > W ? load(from + W, Some{left - W}) : V{};
        takeApart(x0, first), takeApart(x1, second);
        most[r] = larger(most[r], larger(magnitude(x0), magnitude(x1)));
      }
      for (int p = 0; p < PARTS; p++) storeUpper(first[p], second[p], out + (PARTS - 1 - p) * WORDS + r * 16);
    }
  }
  for (int64_t r = 0; r < count; r++) largest[r] = std::max(largest[r], largestOf(most[r]));
}

/** A panel's block [kc][NR]; returns the magnitude of its largest number, as bits. */
template <int PARTS>
int32_t splitPanel(const float* block, int64_t kc, uint32_t* out) {
  const int64_t steps = (kc + DEPTH - 1) / DEPTH;
  VI most{};
  for (int64_t k = 0; k < steps * DEPTH; k += 2)
    for (int half = 0; half < 2; half++) {
      VI first[PARTS], second[PARTS];
      const V x0 = k < kc ? load(block + k * NR + half * W) : V{};
      const V x1 = k + 1 < kc ? load(block + (k + 1) * NR + half * W) : V{};
      takeApart(x0, first), takeApart(x1, second);
      most = larger(most, larger(magnitude(x0), magnitude(x1)));
      uint32_t* to = out + (half * steps + k / DEPTH) * PARTS * WORDS + k % DEPTH / 2 * 16;
      for (int p = 0; p < PARTS; p++) {
        const VI words = second[p] | (first[p] >> 16 & 0xffff);
        std::memcpy(to + p * WORDS, &words, sizeof words);
      }
    }
  return largestOf(most);
}

// ---- multiplying ----

struct alignas(64) TileShapes {
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t rowBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// Tiles 0 to 3 are sums of 32 rows × 32 columns, 4 and 5 their rows of a, 6 and 7 their columns of b. One of the two
// factors stays from product to product.
#define LOAD_A(part)                              \
  _tile_loadd(4, a + (part) * WORDS, 64);         \
  if (TWO) _tile_loadd(5, a + next + (part) * WORDS, 64)
#define LOAD_B(part)                              \
  _tile_loadd(6, b + (part) * WORDS, 64);         \
  _tile_loadd(7, b + half + (part) * WORDS, 64)
#define MULTIPLY                     \
  _tile_dpbf16ps(0, 4, 6);           \
  _tile_dpbf16ps(1, 4, 7);           \
  if (TWO) _tile_dpbf16ps(2, 5, 6);  \
  if (TWO) _tile_dpbf16ps(3, 5, 7)

/** Words of two tiles of a, a step long, for each panel of a group. */
template <int PARTS>
constexpr int64_t SHARE = 2 * PARTS * WORDS / GROUP;

/** sums [16 or, where TWO, 32][NR] of `steps` tiles along K. Meanwhile the second-level cache is given a share of `ahead`. */
template <int PARTS, bool TWO>
__attribute__((target("amx-tile,amx-bf16"))) void multiplyTiles(int64_t steps, const uint32_t* a, const uint32_t* b,
                                                               const uint32_t* ahead, float* sums) {
  const int64_t next = steps * PARTS * WORDS, half = next;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t step = 0; step < steps; step++, a += PARTS * WORDS, b += PARTS * WORDS, ahead += SHARE<PARTS>) {
    for (int64_t i = 0; i < SHARE<PARTS>; i += 16) __builtin_prefetch(ahead + i, 0, 2);
    if constexpr (PARTS == 1) {
      LOAD_A(0);
      LOAD_B(0);
      MULTIPLY;
    } else {
      // l·h, m·h, m·m, h·m, h·l, h·h
      LOAD_A(0);
      LOAD_B(0);
      MULTIPLY;
      LOAD_A(1);
      MULTIPLY;
      LOAD_B(1);
      MULTIPLY;
      LOAD_A(2);
      MULTIPLY;
      LOAD_B(2);
      MULTIPLY;
      LOAD_B(0);
      MULTIPLY;
    }
  }
  _tile_stored(0, sums, NR * sizeof(float));
  _tile_stored(1, sums + 16, NR * sizeof(float));
  if (TWO) _tile_stored(2, sums + 16 * NR, NR * sizeof(float));
  if (TWO) _tile_stored(3, sums + 16 * NR + 16, NR * sizeof(float));
}

/** Some rows of c; a has been taken apart, b is when it is used. */
struct Block {
  const uint32_t* a;
  Columns b;
  float* c;
  const int64_t* rows;  // of c, or null
  Epilogue epilogue;
  int64_t M, N, K;

  int64_t tiles() const { return (M + ROWS - 1) / ROWS; }
};

/** Rows of tiles × panels [from, to), one thread. Returns the magnitude of the largest number of b, as bits. */
template <int PARTS>
__attribute__((target("amx-tile"))) int32_t multiplyPiece(const Block& block, int64_t fromTile, int64_t toTile,
                                                         int64_t fromPanel, int64_t toPanel) {
  thread_local Scratch floats, words;
  constexpr int64_t PANEL = 2 * STEPS * PARTS * WORDS;  // words of a panel's block
  uint32_t* parts = reinterpret_cast<uint32_t*>(words.get(GROUP * PANEL));
  int32_t largest = 0;
  const TileShapes shapes;
  _tile_loadconfig(&shapes);
  for (int64_t kb = 0; kb < blockCount(block.K); kb++) {
    const int64_t k0 = kb * KC, kc = std::min(KC, block.K - k0), steps = (kc + DEPTH - 1) / DEPTH;
    const uint32_t* rowsOfTiles = block.a + kb * STEPS * PARTS * WORDS * block.tiles();
    const bool last = kb + 1 == blockCount(block.K);
    for (int64_t group = fromPanel; group < toPanel; group += GROUP) {
      const int64_t end = std::min(toPanel, group + GROUP);
      for (int64_t panel = group; panel < end; panel++) {
        const float* made = findBlock(block.b, block.K, block.N, k0, kc, kc, panel, floats.get(KC * NR));
        largest = std::max(largest, splitPanel<PARTS>(made, kc, parts + (panel - group) * PANEL));
      }
      for (int64_t tile = fromTile; tile < toTile; tile += 2) {
        const uint32_t* a = rowsOfTiles + tile * steps * PARTS * WORDS;
        const bool two = tile + 1 < toTile;
        const int64_t m0 = tile * ROWS, count = std::min((two ? 2 : 1) * ROWS, block.M - m0);
        for (int64_t panel = group; panel < end; panel++) {
          alignas(64) float sums[2 * ROWS * NR];
          const uint32_t* b = parts + (panel - group) * PANEL;
          // The tiles of a that come next, if any do.
          const uint32_t* following = tile + 2 < toTile ? a + 2 * steps * PARTS * WORDS : a;
          const uint32_t* ahead = following + (panel - group) * steps * SHARE<PARTS>;
          two ? multiplyTiles<PARTS, true>(steps, a, b, ahead, sums)
              : multiplyTiles<PARTS, false>(steps, a, b, ahead, sums);
          const int64_t column = panel * NR, columns = std::min<int64_t>(NR, block.N - column);
          float* c[2 * ROWS];
          for (int64_t r = 0; r < count; r++) {
            c[r] = block.c + (block.rows ? block.rows[m0 + r] : m0 + r) * block.N + column;
            finishRow(load(sums + r * NR), load(sums + r * NR + W), c[r], columns, kb > 0,
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
constexpr int64_t PIECE = 1 << 20;

template <int PARTS>
std::vector<int64_t> multiplyInParts(View a, const int64_t* rows, const Columns& b, const Epilogue& epilogue,
                                     int64_t M, int64_t N, int64_t K, float* c) {
  thread_local Scratch scratch;
  const int64_t wordsOfRow = blockCount(K) * STEPS * PARTS * 16, panels = panelCount(N), threads = threadCount();
  const int64_t most = std::clamp(MOST_WORDS / wordsOfRow, 2 * ROWS, MOST_ROWS), blocks = (M + most - 1) / most;
  std::vector<int32_t> largestOfRow(static_cast<size_t>(M));
  std::atomic<int32_t> largestOfColumns{0};
  for (int64_t i = 0; i < blocks; i++) {
    const int64_t from = M * i / blocks, count = M * (i + 1) / blocks - from, tiles = (count + ROWS - 1) / ROWS;
    uint32_t* words = reinterpret_cast<uint32_t*>(scratch.get(tiles * ROWS * wordsOfRow));
    parallelRanges(tiles, 1 + 32768 / (ROWS * K), [&](int64_t first, int64_t end) {
      for (int64_t tile = first; tile < end; tile++) {
        const int64_t m0 = from + tile * ROWS, rowCount = std::min(ROWS, from + count - m0);
        const float* row[ROWS];
        for (int64_t r = 0; r < rowCount; r++) row[r] = a.data + (rows ? rows[m0 + r] : m0 + r) * a.row;
        for (int64_t kb = 0; kb < blockCount(K); kb++) {
          const int64_t kc = std::min(KC, K - kb * KC), steps = (kc + DEPTH - 1) / DEPTH;
          splitRows<PARTS>(row, rowCount, kb * KC, kc, words + (kb * STEPS * tiles + tile * steps) * PARTS * WORDS,
                           &largestOfRow[m0]);
        }
      }
    });
    const Block block{words, b, c + (rows ? 0 : from * N), rows ? rows + from : nullptr, epilogue, count, N, K};
    int64_t together = std::clamp<int64_t>(PIECE / (count * K * NR), 1, panels);
    together = std::max(together, std::clamp<int64_t>(panels / (2 * threads), 1, GROUP));
    const int64_t columnPieces = (panels + together - 1) / together, pairs = (tiles + 1) / 2;
    // Few panels for many threads: cut the rows, too; each piece then takes b apart again.
    const int64_t rowPieces = std::clamp<int64_t>(2 * threads / columnPieces, 1, (pairs + 3) / 4);
    parallelFor(columnPieces * rowPieces, [&](int64_t piece) {
      const int64_t row = piece % rowPieces, column = piece / rowPieces;
      const int32_t largest =
          multiplyPiece<PARTS>(block, pairs * row / rowPieces * 2, std::min(tiles, pairs * (row + 1) / rowPieces * 2),
                               column * together, std::min(panels, (column + 1) * together));
      int32_t known = largestOfColumns.load();
      while (largest > known && !largestOfColumns.compare_exchange_weak(known, largest)) {
      }
    });
  }
  std::vector<int64_t> left;
  if (PARTS == 1) return left;
  const bool all = !holdsColumns(largestOfColumns.load());
  for (int64_t m = 0; m < M; m++)
    if (all || !holdsRow(largestOfRow[m])) left.push_back(rows ? rows[m] : m);
  if (static_cast<int64_t>(left.size()) < M) products.fetch_add(1);
  return left;
}

}  // namespace

bool hasTiles() {
  static const bool found = findTiles();
  return found;
}

std::vector<int64_t> multiplyOnTiles(int parts, View a, const int64_t* rows, const Columns& b,
                                     const Epilogue& epilogue, int64_t M, int64_t N, int64_t K, float* c) {
  const auto multiply = parts == 1 ? multiplyInParts<1> : multiplyInParts<3>;
  return multiply(a, rows, b, epilogue, M, N, K, c);
}

#else

// The other is never called where this is false.
bool hasTiles() { return false; }
std::vector<int64_t> multiplyOnTiles(int, View, const int64_t*, const Columns&, const Epilogue&, int64_t, int64_t,
                                     int64_t, float*) {
  return {};
}

#endif

}  // namespace inseq
