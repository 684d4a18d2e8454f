// The gradient of attention (attention.cu), with the formulas of src/ops/attention.ts:
//
//   From O = P V:                 dP = dO Vᵀ,  dV = Pᵀ dO
//   From P = softmax(A):          dA = P ∘ (dP − δ), 0 where masked,  δ = rowsum(dP ∘ P)
//   From A = z + bias:            dbias = dA summed to bias's shape
//   From z = cap(scale · Q Kᵀ):   d(Q Kᵀ) = scale · cap' · dA,  dQ = d(Q Kᵀ) K,  dK = d(Q Kᵀ)ᵀ Q
//
// P = e^(A − L) is computed anew, tile by tile, by two kernels: one has some queries and goes through the keys, twice where
// they are more than a tile: for δ and for dQ; one has some keys and goes through the queries, for dK and dV. So every number
// is summed by one thread in one order, without atomics. δ is the sum of the same dP ∘ P that it is taken from (and not
// rowsum(dO ∘ O), which would be cheaper), so that a query that sees one key has a gradient of exactly zero. Tiles whose
// cotangents are all zero (after a target's position) are skipped. dbias, which few ask for, stores dA and sums it.

#include "attentionTiles.h"
#include "rows.h"

namespace inseq {
namespace {

constexpr float INFINITE = __builtin_inff();

struct Cotangents {
  const float* dy;         // of O, or of P
  const float* logSumExp;  // [B, H, T]
  float* delta;            // δ [B * times, H, T]: the first kernel writes it, the second reads it
  int64_t times;
};

/** Queries and keys of a tile: as many as four tiles of rows fit into 99 KiB. */
template <int WIDTH>
constexpr int backwardRows = WIDTH == 64    ? 64
                             : WIDTH == 128 ? 32
                                            : 16;

template <int WIDTH>
constexpr int backwardShared = 4 * backwardRows<WIDTH>*(4 * tileStride<WIDTH> + scoreStride<backwardRows<WIDTH>>);

/** Blocks to a processor, as many as an H100's shared memory takes: one loads while another computes. */
template <int WIDTH>
constexpr int backwardBlocks = WIDTH == 256 ? 3 : 2;

/** P and d(q·k) of one score; dA goes to memory, where it is wanted. */
struct Weight {
  float p, dScore;
};
__device__ __forceinline__ Weight weightOf(const Attention& at, int64_t b, int64_t h, int64_t t, int64_t s, bool sees,
                                           float product, float dP, float logSumExp, float delta, float* dA) {
  if (logSumExp == -INFINITE) return {t < at.T && s < at.S ? 1.0f / static_cast<float>(at.S) : 0.0f, 0.0f};
  if (!sees) return {0.0f, 0.0f};
  const Score score = scoreOf(at, b, h, t, s, product);
  const float p = expf(score.value - logSumExp), d = p * (dP - delta);
  if (dA != nullptr) *dA = d;
  return {p, d * score.slope};
}

template <int WIDTH, bool OF_P>
__global__ void __launch_bounds__(SIDE* SIDE, backwardBlocks<WIDTH>)
    queryGradientKernel(const __grid_constant__ Attention at, const __grid_constant__ Cotangents d, int64_t tiles,
                        float* dQuery, float* dA) {
  constexpr int ROWS = backwardRows<WIDTH>, R = ROWS / SIDE, TILE = ROWS * tileStride<WIDTH>;
  DYNAMIC_SHARED(float, shared);
  float *queries = shared, *cotangents = queries + TILE, *keys = cotangents + TILE, *values = keys + TILE;
  float* scores = values + TILE;

  const Division place = divide(blockIdx.x, tiles);
  const Division inCopy = divide(place.quotient, at.H);
  const int64_t copy = inCopy.quotient, h = inCopy.rest, b = divide(copy, d.times).quotient;
  const int t0 = static_cast<int>(place.rest) * ROWS, rows = at.T - t0 < ROWS ? static_cast<int>(at.T) - t0 : ROWS;
  const int64_t savedRow = (b * at.H + h) * at.T + t0, row0 = place.quotient * at.T + t0;
  const int64_t group = (b * at.G + h / (at.H / at.G)) * at.S;
  Result<ROWS, WIDTH> dQ;
  float logSumExp[R], delta[R];
  Sight sight[R];
#pragma unroll
  for (int i = 0; i < R; i++) {
    const int row = threadIdx.y + SIDE * i;
    sight[i] = sightOf(at, t0 + row);
    logSumExp[i] = row < rows ? d.logSumExp[savedRow + row] : 0.0f;
#pragma unroll
    for (float& number : dQ[i]) number = 0;
  }
  loadTile<ROWS, WIDTH>(at, at.query + savedRow * at.K, rows, queries);
  const bool any = OF_P || loadTile<ROWS, WIDTH>(at, d.dy + row0 * at.K, rows, cotangents);
  const int start = static_cast<int>(at.from(t0));
  const int end = __syncthreads_or(any) ? static_cast<int>(at.to(t0 + rows - 1)) : 0;

  float a[R][R] = {}, dP[R][R] = {};
  bool open[R] = {};
  /** Q Kᵀ, dP and what may be seen, of one tile of keys. */
  const auto multiply = [&](int s0) {
    loadTile<ROWS, WIDTH>(at, at.key + (group + s0) * at.K, at.S - s0, keys);
    if (!OF_P) loadTile<ROWS, WIDTH>(at, at.value + (group + s0) * at.K, at.S - s0, values);
    __syncthreads();
    multiplyTiles<ROWS, ROWS, WIDTH>(queries, keys, at.K, a);
    if (!OF_P) multiplyTiles<ROWS, ROWS, WIDTH>(cotangents, values, at.K, dP);
#pragma unroll
    for (int j = 0; j < R; j++) {
      const int s = s0 + static_cast<int>(threadIdx.x) + SIDE * j;
      open[j] = at.open(b, s);
#pragma unroll
      for (int i = 0; i < R; i++) {
        const int row = threadIdx.y + SIDE * i;
        if (OF_P) dP[i][j] = row < rows && s < at.S ? d.dy[(row0 + row) * at.S + s] : 0.0f;
      }
    }
  };
  const auto weight = [&](int i, int j, int s0, float* to) {
    const int t = t0 + static_cast<int>(threadIdx.y) + SIDE * i, s = s0 + static_cast<int>(threadIdx.x) + SIDE * j;
    const bool sees = open[j] && sight[i].reaches(s);
    return weightOf(at, b, h, t, s, sees, a[i][j], dP[i][j], logSumExp[i], delta[i], to);
  };

  float product[R] = {}, total[R] = {};
#pragma unroll
  for (int i = 0; i < R; i++) delta[i] = 0;
  for (int s0 = start; s0 < end; s0 += ROWS) {
    multiply(s0);
#pragma unroll
    for (int i = 0; i < R; i++) {
#pragma unroll
      for (int j = 0; j < R; j++) {
        const float p = weight(i, j, s0, nullptr).p;
        product[i] += p * dP[i][j];
        total[i] += p;
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < R; i++) {
    const int row = threadIdx.y + SIDE * i;
    // P sums to 1 but for the rounding of L, which a difference of nearly equal numbers would enlarge.
    const float sum = overSide<SumRule>(total[i]);
    delta[i] = overSide<SumRule>(product[i]) / (sum > 0 ? sum : 1.0f);
    if (row < rows && threadIdx.x == 0) d.delta[row0 + row] = delta[i];
  }
  const bool oneTile = end - start <= ROWS;
  for (int s0 = start; s0 < end; s0 += ROWS) {
    if (!oneTile) multiply(s0);
#pragma unroll
    for (int i = 0; i < R; i++) {
#pragma unroll
      for (int j = 0; j < R; j++) {
        const int64_t score = (row0 + threadIdx.y + SIDE * i) * at.S + s0 + threadIdx.x + SIDE * j;
        a[i][j] = weight(i, j, s0, dA != nullptr ? dA + score : nullptr).dScore;
      }
    }
    storeScores<ROWS, ROWS>(a, scores);
    __syncthreads();
    accumulate<ROWS, ROWS, WIDTH>(scores, keys, dQ);
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < R; i++) {
    const int row = threadIdx.y + SIDE * i;
    if (row < rows) storeResultRow<ROWS, WIDTH>(at, dQ, i, 1.0f, dQuery + (row0 + row) * at.K);
  }
}

template <int WIDTH, bool OF_P>
__global__ void __launch_bounds__(SIDE* SIDE, backwardBlocks<WIDTH>)
    keyGradientKernel(const __grid_constant__ Attention at, const __grid_constant__ Cotangents d, int64_t tiles,
                      float* dKey, float* dValue) {
  constexpr int ROWS = backwardRows<WIDTH>, R = ROWS / SIDE, TILE = ROWS * tileStride<WIDTH>;
  DYNAMIC_SHARED(float, shared);
  float *keys = shared, *values = keys + TILE, *queries = values + TILE, *cotangents = queries + TILE;
  float* scores = cotangents + TILE;  // rows are keys, columns queries

  const Division place = divide(blockIdx.x, tiles);
  const Division inCopy = divide(place.quotient, at.G);
  const int64_t copy = inCopy.quotient, g = inCopy.rest, b = divide(copy, d.times).quotient, heads = at.H / at.G;
  const int T = static_cast<int>(at.T), s0 = static_cast<int>(place.rest) * ROWS;
  const int rows = at.S - s0 < ROWS ? static_cast<int>(at.S) - s0 : ROWS;
  const int64_t savedKey = (b * at.G + g) * at.S + s0, key0 = place.quotient * at.S + s0;
  loadTile<ROWS, WIDTH>(at, at.key + savedKey * at.K, rows, keys);
  if (!OF_P) loadTile<ROWS, WIDTH>(at, at.value + savedKey * at.K, rows, values);
  bool open[R];
#pragma unroll
  for (int i = 0; i < R; i++) open[i] = at.open(b, s0 + threadIdx.y + SIDE * i);
  Result<ROWS, WIDTH> dK, dV;
#pragma unroll
  for (int i = 0; i < R; i++)
#pragma unroll
    for (int j = 0; j < WIDTH / SIDE; j++) dK[i][j] = dV[i][j] = 0;

  for (int64_t h = g * heads; h < (g + 1) * heads; h++) {
    for (int t0 = 0; t0 < T; t0 += ROWS) {
      const int64_t saved0 = (b * at.H + h) * at.T + t0, row0 = (copy * at.H + h) * at.T + t0;
      bool meets = false;
#pragma unroll
      for (int j = 0; j < R; j++) {
        const int t = t0 + static_cast<int>(threadIdx.x) + SIDE * j;
        const Sight sight = sightOf(at, t);
        meets = meets || (sight.from < s0 + rows && sight.to > s0) ||
                (t < T && d.logSumExp[saved0 + t - t0] == -INFINITE);
      }
      if (!__syncthreads_or(meets)) continue;
      const bool any = OF_P || loadTile<ROWS, WIDTH>(at, d.dy + row0 * at.K, at.T - t0, cotangents);
      if (!__syncthreads_or(any)) continue;
      loadTile<ROWS, WIDTH>(at, at.query + saved0 * at.K, at.T - t0, queries);
      __syncthreads();
      float a[R][R], p[R][R];
      multiplyTiles<ROWS, ROWS, WIDTH>(keys, queries, at.K, a);
      if (!OF_P) multiplyTiles<ROWS, ROWS, WIDTH>(values, cotangents, at.K, p);
#pragma unroll
      for (int j = 0; j < R; j++) {
        // Read and computed only now: kept during the products, they would cost registers.
        const int t = t0 + static_cast<int>(threadIdx.x) + SIDE * j;
        const float logSumExp = t < T ? d.logSumExp[saved0 + t - t0] : 0.0f;
        const float delta = t < T ? d.delta[row0 + t - t0] : 0.0f;
        const Sight sight = sightOf(at, t);
#pragma unroll
        for (int i = 0; i < R; i++) {
          const int s = s0 + static_cast<int>(threadIdx.y) + SIDE * i;
          if (OF_P) p[i][j] = t < T && s < at.S ? d.dy[(row0 + t - t0) * at.S + s] : 0.0f;
          const bool sees = open[i] && sight.reaches(s);
          const Weight weight = weightOf(at, b, h, t, s, sees, a[i][j], p[i][j], logSumExp, delta, nullptr);
          p[i][j] = weight.p;
          a[i][j] = weight.dScore;
        }
      }
      if (!OF_P) {
        storeScores<ROWS, ROWS>(p, scores);
        __syncthreads();
        accumulate<ROWS, ROWS, WIDTH>(scores, cotangents, dV);
        __syncthreads();
      }
      storeScores<ROWS, ROWS>(a, scores);
      __syncthreads();
      accumulate<ROWS, ROWS, WIDTH>(scores, queries, dK);
      __syncthreads();
    }
  }
#pragma unroll
  for (int i = 0; i < R; i++) {
    const int row = threadIdx.y + SIDE * i;
    if (row >= rows) continue;
    storeResultRow<ROWS, WIDTH>(at, dK, i, 1.0f, dKey + (key0 + row) * at.K);
    if (!OF_P) storeResultRow<ROWS, WIDTH>(at, dV, i, 1.0f, dValue + (key0 + row) * at.K);
  }
}

struct Gradients {
  float *query, *key, *value, *bias;
};

/** dA [copies, H, T, S] summed to the shape of bias: over copies, heads and queries that share it. */
int sumToBias(const char* op, const Attention& at, int64_t copies, const float* dA, float* dBias) {
  const int64_t batches = at.biasB != 0 ? copies : 1, heads = at.biasH != 0 ? at.H : 1,
                queries = at.biasT != 0 ? at.T : 1;
  const struct {
    int64_t outer, N, inner, left;
  } sums[] = {{1, copies, at.H * at.T * at.S, batches},
              {batches, at.H, at.T * at.S, heads},
              {batches * heads, at.T, at.S, queries}};
  Scratch scratch[2];
  const float* from = dA;
  for (int i = 0; i < 2; i++) {
    if (sums[i].left == sums[i].N) continue;
    TRY(scratch[i].allocate(op, sums[i].outer * sums[i].inner));
    TRY(inseq_reduce(from, INSEQ_SUM, sums[i].outer, sums[i].N, sums[i].inner, scratch[i].floats()));
    from = scratch[i].floats();
  }
  const int64_t N = sums[2].left == sums[2].N ? 1 : at.T;
  return inseq_reduce(from, INSEQ_SUM, sums[2].outer, N, N == 1 ? at.T * at.S : at.S, dBias);
}

template <bool OF_P>
int backward(const char* op, const Attention& at, const Cotangents& d, const Gradients& to) {
  const int64_t copies = at.B * d.times;
  Scratch dA;
  if (to.bias != nullptr) {
    TRY(dA.allocate(op, copies * at.H * at.T * at.S));
    TRY(inseq_fill(dA.floats(), copies * at.H * at.T * at.S, 0.0f));
  }
  TRY(withHeadWidth(at.K, [&](auto width) {
    constexpr int WIDTH = decltype(width)::value;
    const dim3 block(SIDE, SIDE);
    const int64_t tiles = ceilDiv(at.T, backwardRows<WIDTH>), keyTiles = ceilDiv(at.S, backwardRows<WIDTH>);
    TRY(launch(op, queryGradientKernel<WIDTH, OF_P>, dim3(static_cast<unsigned>(copies * at.H * tiles)), block,
               backwardShared<WIDTH>, at, d, tiles, to.query, dA.floats()));
    return launch(op, keyGradientKernel<WIDTH, OF_P>, dim3(static_cast<unsigned>(copies * at.G * keyTiles)), block,
                  backwardShared<WIDTH>, at, d, keyTiles, to.key, to.value);
  }));
  return to.bias != nullptr ? sumToBias(op, at, copies, dA.floats(), to.bias) : INSEQ_OK;
}

int checkGradients(const char* op, const Attention& at, int64_t times, const float* query, const float* key,
                   const float* bias) {
  CHECK(times > 0 && (times == 1 || bias == nullptr || at.biasB == 0),
        "%s: expected times > 0, and one bias for all copies, received times=%lld, bias stride %lld", op,
        (long long)times, (long long)at.biasB);
  const int64_t copies = at.B * times;
  TENSOR(op, query, copies * at.H * at.T * at.K);
  TENSOR(op, key, copies * at.G * at.S * at.K);
  if (bias != nullptr) TENSOR(op, bias, copies * at.H * at.T == 0 ? 0 : at.biasSize());
  return INSEQ_OK;
}

/** Nothing was asked, nothing flows back. */
int zeroGradients(const Attention& at, int64_t times, const Gradients& to) {
  const int64_t keys = at.B * times * at.G * at.S * at.K;
  TRY(inseq_fill(to.query, at.B * times * at.H * at.T * at.K, 0.0f));
  TRY(inseq_fill(to.key, keys, 0.0f));
  return to.value != nullptr ? inseq_fill(to.value, keys, 0.0f) : INSEQ_OK;
}

}  // namespace
}  // namespace inseq

using namespace inseq;

extern "C" {

int inseq_attention_backward(const float* dy, const float* query, const float* key, const float* value,
                             const float* bias, const int32_t* mask, const float* log_sum_exp, int64_t B, int64_t H,
                             int64_t G, int64_t T, int64_t S, int64_t K, int64_t bias_stride_b, int64_t bias_stride_h,
                             int64_t bias_stride_t, float scale, float soft_cap, int64_t before, int64_t after,
                             int64_t times, float* d_query, float* d_key, float* d_value, float* d_bias) {
  constexpr const char* op = "attentionBackward";
  Attention at = attentionOf(query, key, value, bias, mask, B, H, G, T, S, K, bias_stride_b, bias_stride_h,
                             bias_stride_t, scale, soft_cap, before, after);
  TRY(checkAttention(op, at));
  TRY(checkGradients(op, at, times, d_query, d_key, d_bias));
  TENSOR(op, value, B * G * S * K);
  TENSOR(op, dy, B * times * H * T * K);
  TENSOR(op, log_sum_exp, B * H * T);
  TENSOR(op, d_value, B * times * G * S * K);
  const Gradients to{d_query, d_key, d_value, d_bias};
  if (B * H * T * K == 0) return zeroGradients(at, times, to);
  at.four = at.four && aligned(dy, d_query, d_key, d_value);
  Scratch delta;
  TRY(delta.allocate(op, B * times * H * T));
  return backward<false>(op, at, {dy, log_sum_exp, delta.floats(), times}, to);
}

int inseq_attention_probabilities_backward(const float* dy, const float* query, const float* key, const float* bias,
                                           const int32_t* mask, int64_t B, int64_t H, int64_t G, int64_t T, int64_t S,
                                           int64_t K, int64_t bias_stride_b, int64_t bias_stride_h,
                                           int64_t bias_stride_t, float scale, float soft_cap, int64_t before,
                                           int64_t after, int64_t times, float* d_query, float* d_key, float* d_bias) {
  constexpr const char* op = "attentionProbabilitiesBackward";
  Attention at = attentionOf(query, key, nullptr, bias, mask, B, H, G, T, S, K, bias_stride_b, bias_stride_h,
                             bias_stride_t, scale, soft_cap, before, after);
  TRY(checkAttention(op, at));
  TRY(checkGradients(op, at, times, d_query, d_key, d_bias));
  TENSOR(op, dy, B * times * H * T * S);
  const Gradients to{d_query, d_key, nullptr, d_bias};
  if (B * H * T * K == 0) return zeroGradients(at, times, to);
  at.four = at.four && aligned(d_query, d_key);
  Scratch logSumExp, delta;
  TRY(logSumExp.allocate(op, B * H * T));
  TRY(delta.allocate(op, B * times * H * T));
  TRY(attentionForward(op, at, nullptr, logSumExp.floats()));
  return backward<true>(op, at, {dy, logSumExp.floats(), delta.floats(), times}, to);
}
}
