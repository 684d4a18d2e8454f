// Scaled dot-product attention with grouped key/value heads (src/ops/attention.ts, attentionScores.ts):
//
//   A = cap(scale · Q Kᵀ) + bias, masked, P = softmax(A), O = P V          cap(x) = c · tanh(x / c), or x
//
// As in FlashAttention (Dao et al. 2022, arXiv 2205.14135): a block has some queries of one head and goes through the
// keys that they see, tile by tile. It keeps the largest score m and l = Σ e^(A − m) of each row, and multiplies what
// it has by e^(m − m') when m grows to m' (Milakov and Gimelshein 2018, arXiv 1805.02867): T × S numbers are never
// stored. Products and sums in float32. L = m + ln l is kept for the backward pass.
//
// A query that sees no key has P = 1/S everywhere and L = −∞. Such rows are rare, and get a pass over the values of
// their own.

#include "attentionTiles.h"
#include "rows.h"

namespace inseq {
namespace {

constexpr float INFINITE = __builtin_inff();

/** ROWS queries by COLUMNS keys at a time. */
template <int ROWS, int COLUMNS, int WIDTH>
constexpr int forwardShared = 4 *
                              (ROWS * tileStride<WIDTH> + COLUMNS * tileStride<WIDTH> + ROWS * scoreStride<COLUMNS>);

template <int ROWS, int COLUMNS, int WIDTH, bool WITH_OUTPUT>
__global__ void attentionKernel(const __grid_constant__ Attention at, int64_t tiles, float* output, float* logSumExp) {
  constexpr int R = ROWS / SIDE, C = COLUMNS / SIDE;
  DYNAMIC_SHARED(float, shared);
  float* queries = shared;
  float* keys = queries + ROWS * tileStride<WIDTH>;  // and values, in turn
  float* p = keys + COLUMNS * tileStride<WIDTH>;

  const Division place = divide(blockIdx.x, tiles);
  const Division inBatch = divide(place.quotient, at.H);
  const int64_t b = inBatch.quotient, h = inBatch.rest, t0 = place.rest * ROWS;
  const int64_t firstRow = place.quotient * at.T + t0, lastRow = at.T - t0 < ROWS ? at.T - t0 : ROWS;
  const int64_t group = (b * at.G + h / (at.H / at.G)) * at.S;
  loadTile<ROWS, WIDTH>(at, at.query + firstRow * at.K, lastRow, queries);

  float m[R], l[R];
  bool seen[R];
  Sight sight[R];
  Result<ROWS, WIDTH> o;
#pragma unroll
  for (int i = 0; i < R; i++) {
    m[i] = -INFINITE;
    l[i] = 0;
    seen[i] = false;
    sight[i] = sightOf(at, t0 + threadIdx.y + SIDE * i);
#pragma unroll
    for (float& number : o[i]) number = 0;
  }
  for (int64_t s0 = at.from(t0); s0 < at.to(t0 + lastRow - 1); s0 += COLUMNS) {
    loadTile<COLUMNS, WIDTH>(at, at.key + (group + s0) * at.K, at.S - s0, keys);
    __syncthreads();
    bool open[C];
#pragma unroll
    for (int j = 0; j < C; j++) open[j] = at.open(b, s0 + threadIdx.x + SIDE * j);
    float a[R][C];
    multiplyTiles<ROWS, COLUMNS, WIDTH>(queries, keys, at.K, a);
#pragma unroll
    for (int i = 0; i < R; i++) {
      const int64_t t = t0 + threadIdx.y + SIDE * i;
      float highest = m[i];
#pragma unroll
      for (int j = 0; j < C; j++) {
        const int64_t s = s0 + threadIdx.x + SIDE * j;
        const bool sees = open[j] && sight[i].reaches(s);
        seen[i] = seen[i] || sees;
        a[i][j] = sees ? scoreOf(at, b, h, t, s, a[i][j]).value : -INFINITE;
        highest = MaxRule::join(highest, a[i][j]);
      }
      highest = overSide<MaxRule>(highest);
      const float shift = highest == -INFINITE ? 0.0f : highest;  // nothing seen so far: e^(−∞ − 0)
      const float factor = expf(m[i] - shift);
      float total = 0;
#pragma unroll
      for (int j = 0; j < C; j++) {
        a[i][j] = expf(a[i][j] - shift);
        total += a[i][j];
      }
      m[i] = highest;
      l[i] = l[i] * factor + overSide<SumRule>(total);
#pragma unroll
      for (float& number : o[i]) number *= factor;
    }
    if (WITH_OUTPUT) {
      storeScores<ROWS, COLUMNS>(a, p);
      __syncthreads();  // all have read the keys
      loadTile<COLUMNS, WIDTH>(at, at.value + (group + s0) * at.K, at.S - s0, keys);
      __syncthreads();
      accumulate<ROWS, COLUMNS, WIDTH>(p, keys, o);
    }
    __syncthreads();
  }

  bool missing = false;
#pragma unroll
  for (int i = 0; i < R; i++) {
    seen[i] = overSide<MaxRule>(seen[i] ? 1.0f : 0.0f) > 0;
    missing = missing || (threadIdx.y + SIDE * i < lastRow && !seen[i]);
  }
  if (WITH_OUTPUT && __syncthreads_or(missing)) {
    for (int64_t s0 = 0; s0 < at.S; s0 += COLUMNS) {
      float uniform[R][C];
#pragma unroll
      for (int i = 0; i < R; i++)
#pragma unroll
        for (int j = 0; j < C; j++) {
          const bool inside = s0 + threadIdx.x + SIDE * j < at.S;
          uniform[i][j] = !seen[i] && inside ? 1.0f / static_cast<float>(at.S) : 0.0f;
        }
      storeScores<ROWS, COLUMNS>(uniform, p);
      loadTile<COLUMNS, WIDTH>(at, at.value + (group + s0) * at.K, at.S - s0, keys);
      __syncthreads();
      accumulate<ROWS, COLUMNS, WIDTH>(p, keys, o);
      __syncthreads();
    }
  }
#pragma unroll
  for (int i = 0; i < R; i++) {
    const int row = threadIdx.y + SIDE * i;
    if (row >= lastRow) continue;
    if (WITH_OUTPUT) {
      storeResultRow<ROWS, WIDTH>(at, o, i, seen[i] ? 1.0f / l[i] : 1.0f, output + (firstRow + row) * at.K);
    }
    if (logSumExp != nullptr && threadIdx.x == 0) logSumExp[firstRow + row] = seen[i] ? m[i] + logf(l[i]) : -INFINITE;
  }
}

template <int ROWS, int COLUMNS, int WIDTH>
int launchForward(const char* op, const Attention& at, float* output, float* logSumExp) {
  const int64_t tiles = ceilDiv(at.T, ROWS);
  const dim3 grid(static_cast<unsigned>(at.B * at.H * tiles));
  constexpr int bytes = forwardShared<ROWS, COLUMNS, WIDTH>;
  return launch(
      op,
      output != nullptr ? attentionKernel<ROWS, COLUMNS, WIDTH, true> : attentionKernel<ROWS, COLUMNS, WIDTH, false>,
      grid, dim3(SIDE, SIDE), bytes, at, tiles, output, logSumExp);
}

/** P = e^(A − L) of ROWS queries and as many keys. */
template <int ROWS, int WIDTH>
__global__ void probabilitiesKernel(const __grid_constant__ Attention at, int64_t tiles, int64_t keyTiles,
                                    const float* logSumExp, float* probabilities) {
  constexpr int R = ROWS / SIDE;
  DYNAMIC_SHARED(float, shared);
  float* queries = shared;
  float* keys = queries + ROWS * tileStride<WIDTH>;
  Division place = divide(blockIdx.x, keyTiles);
  const int64_t s0 = place.rest * ROWS;
  place = divide(place.quotient, tiles);
  const int64_t t0 = place.rest * ROWS, head = place.quotient;
  const Division inBatch = divide(head, at.H);
  const int64_t b = inBatch.quotient, h = inBatch.rest;
  loadTile<ROWS, WIDTH>(at, at.query + (head * at.T + t0) * at.K, at.T - t0, queries);
  loadTile<ROWS, WIDTH>(at, at.key + ((b * at.G + h / (at.H / at.G)) * at.S + s0) * at.K, at.S - s0, keys);
  __syncthreads();
  float a[R][R];
  multiplyTiles<ROWS, ROWS, WIDTH>(queries, keys, at.K, a);
#pragma unroll
  for (int i = 0; i < R; i++) {
    const int64_t t = t0 + threadIdx.y + SIDE * i;
    if (t >= at.T) continue;
    const float L = logSumExp[head * at.T + t];
    const Sight sight = sightOf(at, t);
#pragma unroll
    for (int j = 0; j < R; j++) {
      const int64_t s = s0 + threadIdx.x + SIDE * j;
      if (s >= at.S) continue;
      float value = 0;
      if (L == -INFINITE) {
        value = 1.0f / static_cast<float>(at.S);
      } else if (sight.reaches(s) && at.open(b, s)) {
        value = expf(scoreOf(at, b, h, t, s, a[i][j]).value - L);
      }
      probabilities[(head * at.T + t) * at.S + s] = value;
    }
  }
}

/** P [B, H, T, S] from L. */
int attentionProbabilities(const char* op, const Attention& at, const float* logSumExp, float* probabilities) {
  return withHeadWidth(at.K, [&](auto width) {
    constexpr int WIDTH = decltype(width)::value;
    constexpr int ROWS = WIDTH == 256 ? 32 : 64;
    const int64_t tiles = ceilDiv(at.T, ROWS), keyTiles = ceilDiv(at.S, ROWS);
    return launch(op, probabilitiesKernel<ROWS, WIDTH>, dim3(static_cast<unsigned>(at.B * at.H * tiles * keyTiles)),
                  dim3(SIDE, SIDE), 4 * 2 * ROWS * tileStride<WIDTH>, at, tiles, keyTiles, logSumExp, probabilities);
  });
}

}  // namespace

int attentionForward(const char* op, const Attention& at, float* output, float* logSumExp) {
  return withHeadWidth(at.K, [&](auto width) {
    constexpr int WIDTH = decltype(width)::value;
    constexpr int ROWS = WIDTH == 256 ? 32 : 64;
    // Few queries: smaller tiles give every processor something to do.
    const bool few = at.B * at.H * ceilDiv(at.T, ROWS) < 2 * device().processors;
    return few ? launchForward<SIDE, ROWS, WIDTH>(op, at, output, logSumExp)
               : launchForward<ROWS, ROWS, WIDTH>(op, at, output, logSumExp);
  });
}

}  // namespace inseq

using namespace inseq;

extern "C" {

int inseq_attention(const float* query, const float* key, const float* value, const float* bias, const int32_t* mask,
                    int64_t B, int64_t H, int64_t G, int64_t T, int64_t S, int64_t K, int64_t bias_stride_b,
                    int64_t bias_stride_h, int64_t bias_stride_t, float scale, float soft_cap, int64_t before,
                    int64_t after, float* output, float* log_sum_exp) {
  constexpr const char* op = "attention";
  Attention at = attentionOf(query, key, value, bias, mask, B, H, G, T, S, K, bias_stride_b, bias_stride_h,
                             bias_stride_t, scale, soft_cap, before, after);
  TRY(checkAttention(op, at));
  TENSOR(op, value, B * G * S * K);
  TENSOR(op, output, B * H * T * K);
  if (log_sum_exp != nullptr) TENSOR(op, log_sum_exp, B * H * T);
  if (B * H * T == 0) return INSEQ_OK;
  at.four = at.four && aligned(output);
  return attentionForward(op, at, output, log_sum_exp);
}

int inseq_attention_probabilities(const float* query, const float* key, const float* bias, const int32_t* mask,
                                  int64_t B, int64_t H, int64_t G, int64_t T, int64_t S, int64_t K,
                                  int64_t bias_stride_b, int64_t bias_stride_h, int64_t bias_stride_t, float scale,
                                  float soft_cap, int64_t before, int64_t after, float* probabilities) {
  constexpr const char* op = "attentionProbabilities";
  const Attention at = attentionOf(query, key, nullptr, bias, mask, B, H, G, T, S, K, bias_stride_b, bias_stride_h,
                                   bias_stride_t, scale, soft_cap, before, after);
  TRY(checkAttention(op, at));
  TENSOR(op, probabilities, B * H * T * S);
  if (B * H * T == 0) return INSEQ_OK;
  Scratch logSumExp;
  TRY(logSumExp.allocate(op, B * H * T));
  TRY(attentionForward(op, at, nullptr, logSumExp.floats()));
  return attentionProbabilities(op, at, logSumExp.floats(), probabilities);
}
}
