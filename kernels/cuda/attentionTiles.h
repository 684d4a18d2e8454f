// What the attention kernels share: the operands, which key a query sees, and products of tiles in shared memory.
//
// A block is 16 × 16 threads. Thread (x, y) has the rows y, y + 16, … and the columns x, x + 16, … of a tile of scores,
// and of a tile of results the same rows and the columns 4x … 4x + 3, 64 + 4x, …: so all reads of shared memory are
// vectors of four, without conflicts between banks. Head widths are padded with zeros to WIDTH: 64, 128 or 256.

#pragma once

#include <algorithm>

#include "launch.h"

namespace inseq {

constexpr int SIDE = 16;
constexpr int64_t WIDEST_HEAD = 256;

struct Attention {
  const float *query, *key, *value, *bias;
  const int32_t* mask;
  int64_t B, H, G, T, S, K, biasB, biasH, biasT;
  float scale, softCap;
  int64_t before, after;
  bool four;  // rows of K numbers can be moved four numbers at a time

  /** The keys that query t may see: from ≤ s < to. */
  __host__ __device__ int64_t from(int64_t t) const { return clamp(t + S - T - before); }
  __host__ __device__ int64_t to(int64_t t) const { return clamp(t + 1 + S - T + after); }
  __host__ __device__ int64_t clamp(int64_t s) const { return s < 0 ? 0 : s > S ? S : s; }
  /** Whether any query of a batch may see key s. */
  __device__ bool open(int64_t b, int64_t s) const { return s < S && (mask == nullptr || mask[b * S + s] != 0); }
  /** Numbers that bias reaches over. */
  int64_t biasSize() const { return (B - 1) * biasB + (H - 1) * biasH + (T - 1) * biasT + S; }
};

/** The keys that a query may see, in 32 bits: they are compared with every key. Query t sees none if there is none. */
struct Sight {
  int32_t from, to;
  __device__ bool reaches(int64_t s) const {
    const int32_t key = static_cast<int32_t>(s);
    return key >= from && key < to;
  }
};
__device__ __forceinline__ Sight sightOf(const Attention& at, int64_t t) {
  if (t >= at.T) return {0, 0};
  return {static_cast<int32_t>(at.from(t)), static_cast<int32_t>(at.to(t))};
}

/** A = cap(scale · q·k) + bias, and the derivative of A by q·k. */
struct Score {
  float value, slope;
};
__device__ __forceinline__ Score scoreOf(const Attention& at, int64_t b, int64_t h, int64_t t, int64_t s,
                                         float product) {
  Score score{product * at.scale, at.scale};
  if (at.softCap > 0) {
    const float capped = tanhf(score.value / at.softCap);
    score.value = at.softCap * capped;
    score.slope *= 1.0f - capped * capped;
  }
  if (at.bias != nullptr) score.value += at.bias[b * at.biasB + h * at.biasH + t * at.biasT + s];
  return score;
}

/** Numbers between rows of a tile: of WIDTH numbers, read four at a time by neighbouring rows … */
template <int WIDTH>
constexpr int tileStride = WIDTH + 4;
/** … and of COLUMNS scores, written by two rows at once. */
template <int COLUMNS>
constexpr int scoreStride = COLUMNS % 32 == SIDE ? COLUMNS : COLUMNS + SIDE;

/** Rows of K numbers from memory into a tile, with zeros around; returns whether this thread saw another number. */
template <int ROWS, int WIDTH>
__device__ __forceinline__ bool loadTile(const Attention& at, const float* x, int64_t rows, float* tile) {
  constexpr int VECTORS = WIDTH / 4;
  const int thread = threadIdx.y * SIDE + threadIdx.x;
  bool any = false;
  for (int i = thread; i < ROWS * VECTORS; i += SIDE * SIDE) {
    const int row = i / VECTORS, column = i % VECTORS * 4;
    Vector<4> v = {};
    if (row < rows && column < at.K) {
      const float* from = x + row * at.K + column;
      if (at.four) {
        v = load<4>(from);
      } else {
#pragma unroll
        for (int k = 0; k < 4; k++)
          if (column + k < at.K) v.at[k] = from[k];
      }
    }
#pragma unroll
    for (int k = 0; k < 4; k++) any = any || !(v.at[k] == 0.0f);
    store<4>(tile + row * tileStride<WIDTH> + column, v);
  }
  return any;
}

/** c[i][j] = Σ_k a[y + 16 i][k] · b[x + 16 j][k], of tiles with K numbers in a row. */
template <int ROWS, int COLUMNS, int WIDTH>
__device__ __forceinline__ void multiplyTiles(const float* a, const float* b, int64_t K,
                                              float (&c)[ROWS / SIDE][COLUMNS / SIDE]) {
  constexpr int R = ROWS / SIDE, C = COLUMNS / SIDE;
#pragma unroll
  for (int i = 0; i < R; i++)
#pragma unroll
    for (int j = 0; j < C; j++) c[i][j] = 0;
#pragma unroll 4
  for (int k = 0; k < K; k += 4) {
    Vector<4> left[R], right[C];
#pragma unroll
    for (int i = 0; i < R; i++) left[i] = load<4>(a + (threadIdx.y + SIDE * i) * tileStride<WIDTH> + k);
#pragma unroll
    for (int j = 0; j < C; j++) right[j] = load<4>(b + (threadIdx.x + SIDE * j) * tileStride<WIDTH> + k);
#pragma unroll
    for (int i = 0; i < R; i++)
#pragma unroll
      for (int j = 0; j < C; j++)
#pragma unroll
        for (int n = 0; n < 4; n++) c[i][j] += left[i].at[n] * right[j].at[n];
  }
}

/** Writes this thread's scores into a tile. */
template <int ROWS, int COLUMNS>
__device__ __forceinline__ void storeScores(const float (&c)[ROWS / SIDE][COLUMNS / SIDE], float* tile) {
#pragma unroll
  for (int i = 0; i < ROWS / SIDE; i++)
#pragma unroll
    for (int j = 0; j < COLUMNS / SIDE; j++)
      tile[(threadIdx.y + SIDE * i) * scoreStride<COLUMNS> + threadIdx.x + SIDE * j] = c[i][j];
}

/** Rows of results: o[i][4 j + n] is column 64 j + 4 x + n of row y + 16 i. */
template <int ROWS, int WIDTH>
using Result = float[ROWS / SIDE][WIDTH / SIDE];

/** o += p [ROWS, DEPTH] · v [DEPTH, WIDTH] */
template <int ROWS, int DEPTH, int WIDTH>
__device__ __forceinline__ void accumulate(const float* p, const float* v, Result<ROWS, WIDTH>& o) {
  constexpr int R = ROWS / SIDE, C = WIDTH / (4 * SIDE);
#pragma unroll 2
  for (int d = 0; d < DEPTH; d += 4) {
    Vector<4> left[R];
#pragma unroll
    for (int i = 0; i < R; i++) left[i] = load<4>(p + (threadIdx.y + SIDE * i) * scoreStride<DEPTH> + d);
#pragma unroll
    for (int n = 0; n < 4; n++) {
#pragma unroll
      for (int j = 0; j < C; j++) {
        const Vector<4> right = load<4>(v + (d + n) * tileStride<WIDTH> + 4 * (threadIdx.x + SIDE * j));
#pragma unroll
        for (int i = 0; i < R; i++)
#pragma unroll
          for (int k = 0; k < 4; k++) o[i][4 * j + k] += left[i].at[n] * right.at[k];
      }
    }
  }
}

/** Writes row y + 16 i of the results, times `factor`, to y. */
template <int ROWS, int WIDTH>
__device__ __forceinline__ void storeResultRow(const Attention& at, const Result<ROWS, WIDTH>& o, int i, float factor,
                                               float* y) {
#pragma unroll
  for (int j = 0; j < WIDTH / (4 * SIDE); j++) {
    const int column = 4 * (threadIdx.x + SIDE * j);
    if (column >= at.K) continue;
    Vector<4> v;
#pragma unroll
    for (int k = 0; k < 4; k++) v.at[k] = o[i][4 * j + k] * factor;
    if (at.four) {
      store<4>(y + column, v);
    } else {
#pragma unroll
      for (int k = 0; k < 4; k++)
        if (column + k < at.K) y[column + k] = v.at[k];
    }
  }
}

/** Joined over the 16 threads of a row. */
template <typename Rule>
__device__ __forceinline__ float overSide(float v) {
  for (int other = SIDE / 2; other > 0; other /= 2) v = Rule::join(v, __shfl_xor_sync(WHOLE_WARP, v, other));
  return v;
}

/** Sizes that all attention functions demand, and tensors that they all read. */
inline int checkAttention(const char* op, const Attention& at) {
  CHECK(at.B >= 0 && at.H >= 0 && at.G > 0 && at.T >= 0 && at.S > 0 && at.K >= 0 && at.H % at.G == 0,
        "%s: expected S > 0 and H a multiple of G, received B=%lld, H=%lld, G=%lld, T=%lld, S=%lld, K=%lld", op,
        (long long)at.B, (long long)at.H, (long long)at.G, (long long)at.T, (long long)at.S, (long long)at.K);
  CHECK(at.before >= 0 && at.after >= 0 && at.softCap >= 0,
        "%s: expected a window and a soft cap that are not negative, received %lld before, %lld after, soft cap %g", op,
        (long long)at.before, (long long)at.after, at.softCap);
  constexpr int64_t LONGEST = 1 << 30;
  CHECK(at.K <= WIDEST_HEAD && at.T <= LONGEST && at.S <= LONGEST,
        "%s: expected heads of at most %lld numbers and at most 2^30 positions, received K=%lld, T=%lld, S=%lld", op,
        (long long)WIDEST_HEAD, (long long)at.K, (long long)at.T, (long long)at.S);
  const bool none = at.B * at.H * at.T == 0;
  TENSOR(op, at.query, at.B * at.H * at.T * at.K);
  TENSOR(op, at.key, at.B * at.G * at.S * at.K);
  if (at.bias != nullptr) TENSOR(op, at.bias, none ? 0 : at.biasSize());
  if (at.mask != nullptr) TENSOR(op, at.mask, at.B * at.S);
  return INSEQ_OK;
}

/** The operands of a call; windows wider than all positions mean the same as those. */
inline Attention attentionOf(const float* query, const float* key, const float* value, const float* bias,
                             const int32_t* mask, int64_t B, int64_t H, int64_t G, int64_t T, int64_t S, int64_t K,
                             int64_t biasB, int64_t biasH, int64_t biasT, float scale, float softCap, int64_t before,
                             int64_t after) {
  Attention at{query, key, value, bias, mask, B, H, G, T, S, K, biasB, biasH, biasT, scale, softCap, before, after, false};
  at.before = std::min(before, T + S);
  at.after = std::min(after, T + S);
  at.four = K % 4 == 0 && aligned(query, key, value);
  return at;
}

/** Calls run with the padded head width as a constant. */
template <typename Run>
int withHeadWidth(int64_t K, Run run) {
  if (K <= 64) return run(std::integral_constant<int, 64>{});
  if (K <= 128) return run(std::integral_constant<int, 128>{});
  return run(std::integral_constant<int, 256>{});
}

/** L = ln Σ e^A of each query [B, H, T] (and O, if wanted), into memory of the caller. */
int attentionForward(const char* op, const Attention& at, float* output, float* logSumExp);
}  // namespace inseq
