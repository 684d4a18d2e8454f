// Scaled dot-product attention with grouped key/value heads (src/ops/attention.ts):
//
//   A = scale · Q Kᵀ + bias, masked, P = softmax(A), O = P V
//
// One task is one pair (batch, key/value head): its keys and values are packed once for all queries of the group. Queries
// are taken ROWS at a time, so that only ROWS × S scores exist, and of these only the columns that the last of the rows may
// see. A masked score is −1e30 in the definition; here it is left out, which is the same unless a query sees nothing at
// all: then P is 1/S everywhere, and as all its scores are constants, they have no gradient.

#include <algorithm>
#include <limits>

#include "gemm.h"
#include "status.h"
#include "threads.h"

namespace inseq {
namespace {

constexpr int64_t ROWS = 4 * MR;

struct Attention {
  const float *query, *key, *value, *bias;
  const int32_t* mask;
  int64_t B, H, G, T, S, K, biasB, biasH, biasT;
  float scale;
  bool causal;

  /** Keys that query t may see: the first so many. */
  int64_t visible(int64_t t) const { return causal ? std::clamp<int64_t>(t + 1 + S - T, 0, S) : S; }
};

struct Buffers {
  Scratch keys, values, keyRows, tiles, scores, cotangents, small;
};
thread_local Buffers buffers;

/** Of a row of P: how many leading columns are not zero, and whether the query sees any key. */
struct Row {
  int64_t columns;
  bool sees;
};

/** One row of scores [S] becomes probabilities. */
Row softmaxRow(const Attention& at, int64_t b, int64_t h, int64_t t, float* row) {
  const int64_t n = at.visible(t);
  const float* bias = at.bias ? at.bias + b * at.biasB + h * at.biasH + t * at.biasT : nullptr;
  const int32_t* mask = at.mask ? at.mask + b * at.S : nullptr;
  const V lowest = splat(-std::numeric_limits<float>::infinity());
  vectors(n, [&](int64_t i, auto lanes) {
    V a = load(row + i, lanes) * at.scale;
    if (bias) a += load(bias + i, lanes);
    store(row + i, a, lanes);
  });
  bool sees = n > 0;
  if (mask) {
    sees = false;
    for (int64_t i = 0; i < n; i++) {
      if (mask[i] != 0) {
        sees = true;
      } else {
        row[i] = -std::numeric_limits<float>::infinity();
      }
    }
  }
  if (!sees) {
    std::fill_n(row, at.S, 1.0f / static_cast<float>(at.S));
    return {at.S, false};
  }
  V highest = lowest;
  vectors(n, [&](int64_t i, auto lanes) { highest = vmax(highest, keep(load(row + i, lanes), lowest, lanes)); });
  const float m = maxLanes(highest);
  V total{};
  vectors(n, [&](int64_t i, auto lanes) {
    const V e = vexp(load(row + i, lanes) - m);
    store(row + i, e, lanes);
    total += keep(e, V{}, lanes);
  });
  if (mask) {
    // exp(−∞) is computed as a number that vanishes only nearly.
    for (int64_t i = 0; i < n; i++)
      if (mask[i] == 0) row[i] = 0.0f;
  }
  const float inverse = 1.0f / sumLanes(total);
  vectors(n, [&](int64_t i, auto lanes) { store(row + i, load(row + i, lanes) * inverse, lanes); });
  std::fill(row + n, row + at.S, 0.0f);
  return {n, true};
}

/** c [rows, N] (+)= a [rows, depth] · panels, of which the first `depth` of `packed` rows count. */
void timesPanels(View a, int64_t rows, int64_t depth, const float* panels, int64_t packed, int64_t N, int64_t columns,
                 float* c, int64_t ldc, Scratch& tiles) {
  float* packedRows = tiles.get(rows * depth);
  packTiles(a, nullptr, rows, depth, 0, tileCount(rows), packedRows);
  multiply({rows, N, depth, packedRows, panels, c, ldc, nullptr, nullptr, false, packed}, 0, tileCount(rows), 0,
           panelCount(columns));
}

/** P of the queries t0 ≤ t < t0 + rows of a head, [rows, S]; returns how many leading columns are not zero. */
int64_t probabilities(const Attention& at, const float* keyPanels, int64_t b, int64_t h, int64_t t0, int64_t rows,
                      float* p, bool* sees) {
  const float* q = at.query + ((b * at.H + h) * at.T + t0) * at.K;
  timesPanels(rowMajor(q, at.K), rows, at.K, keyPanels, at.K, at.S, at.visible(t0 + rows - 1), p, at.S, buffers.tiles);
  int64_t columns = 0;
  for (int64_t r = 0; r < rows; r++) {
    const Row row = softmaxRow(at, b, h, t0 + r, p + r * at.S);
    columns = std::max(columns, row.columns);
    sees[r] = row.sees;
  }
  return columns;
}

/** [S, K] as panels of its transpose (depth K, S columns), or as it is (depth S, K columns). */
const float* packTransposed(const float* x, int64_t S, int64_t K, Scratch& scratch) {
  float* panels = scratch.get(packedSize(K, S));
  packPanels(transposed(x, K), K, S, 0, panelCount(S), panels);
  return panels;
}
const float* packRows(const float* x, int64_t S, int64_t K, Scratch& scratch) {
  float* panels = scratch.get(packedSize(S, K));
  packPanels(rowMajor(x, K), S, K, 0, panelCount(K), panels);
  return panels;
}

/** O (or P itself, with no values) of the queries from ≤ t < to of every head of group g. */
void forward(const Attention& at, int64_t b, int64_t g, int64_t from, int64_t to, float* output, bool keepsP) {
  const int64_t group = b * at.G + g, heads = at.H / at.G;
  const float* keys = packTransposed(at.key + group * at.S * at.K, at.S, at.K, buffers.keys);
  const float* values = keepsP ? nullptr : packRows(at.value + group * at.S * at.K, at.S, at.K, buffers.values);
  for (int64_t h = g * heads; h < (g + 1) * heads; h++) {
    for (int64_t t0 = from; t0 < to; t0 += ROWS) {
      const int64_t rows = std::min(ROWS, to - t0), first = (b * at.H + h) * at.T + t0;
      float* p = keepsP ? output + first * at.S : buffers.scores.get(ROWS * at.S);
      bool sees[ROWS];
      const int64_t columns = probabilities(at, keys, b, h, t0, rows, p, sees);
      if (keepsP) continue;
      timesPanels(rowMajor(p, at.S), rows, columns, values, at.S, at.K, at.K, output + first * at.K, at.K,
                  buffers.tiles);
    }
  }
}

void forwardAll(const Attention& at, float* output, bool keepsP) {
  // Few heads and many queries: cut the queries, too (their keys are then packed more than once).
  const int64_t tasks = at.B * at.G;
  if (tasks == 0 || at.T == 0) return;
  const int64_t pieces = std::clamp<int64_t>(64 / tasks, 1, (at.T + ROWS - 1) / ROWS);
  parallelFor(tasks * pieces, [&](int64_t i) {
    const int64_t task = i / pieces, piece = i % pieces;
    forward(at, task / at.G, task % at.G, at.T * piece / pieces, at.T * (piece + 1) / pieces, output, keepsP);
  });
}

/** How many leading rows hold anything but zeros. */
int64_t rowsWithCotangent(const float* dy, int64_t rows, int64_t K) {
  for (; rows > 0; rows--)
    for (int64_t i = 0; i < K; i++)
      if (!(dy[(rows - 1) * K + i] == 0.0f)) return rows;
  return 0;
}

struct Gradients {
  const float* dy;
  int64_t times;
  float *query, *key, *value, *bias;
};

// From O = P V:                          dP = dO Vᵀ,  dV = Pᵀ dO
// From P = softmax(A):                   dA = P ∘ (dP − rowsum(dP ∘ P)), 0 where masked
// From A = scale · Q Kᵀ + bias:          dQ = scale · dA K,  dK = scale · dAᵀ Q,  dbias = dA summed to bias's shape
void backward(const Attention& at, const Gradients& d, int64_t b, int64_t g) {
  const int64_t group = b * at.G + g, heads = at.H / at.G, S = at.S, K = at.K;
  const float* keys = packTransposed(at.key + group * S * K, S, K, buffers.keys);
  const float* values = packTransposed(at.value + group * S * K, S, K, buffers.values);
  const float* keyRows = packRows(at.key + group * S * K, S, K, buffers.keyRows);
  float* p = buffers.scores.get(ROWS * S);
  float* dA = buffers.cotangents.get(ROWS * S);
  for (int64_t j = 0; j < d.times; j++) {
    const int64_t copy = (b * d.times + j) * at.G + g;
    std::fill_n(d.key + copy * S * K, S * K, 0.0f);
    std::fill_n(d.value + copy * S * K, S * K, 0.0f);
  }
  for (int64_t h = g * heads; h < (g + 1) * heads; h++) {
    for (int64_t t0 = 0; t0 < at.T; t0 += ROWS) {
      const int64_t all = std::min(ROWS, at.T - t0);
      const float* q = at.query + ((b * at.H + h) * at.T + t0) * K;
      int64_t columns = -1;  // P is computed when a copy first needs it
      bool sees[ROWS];
      for (int64_t j = 0; j < d.times; j++) {
        const int64_t row0 = ((b * d.times + j) * at.H + h) * at.T + t0;
        const float* dO = d.dy + row0 * K;
        float* dQ = d.query + row0 * K;
        const int64_t rows = rowsWithCotangent(dO, all, K);
        std::fill(dQ + rows * K, dQ + all * K, 0.0f);
        if (rows == 0) continue;
        if (columns < 0) columns = probabilities(at, keys, b, h, t0, all, p, sees);
        timesPanels(rowMajor(dO, K), rows, K, values, K, S, columns, dA, S, buffers.tiles);
        for (int64_t r = 0; r < rows; r++) {
          float *a = dA + r * S, *probability = p + r * S;
          if (!sees[r]) {
            std::fill_n(a, columns, 0.0f);
            continue;
          }
          V total{};
          vectors(columns, [&](int64_t i, auto lanes) { total += load(a + i, lanes) * load(probability + i, lanes); });
          const float sum = sumLanes(total);
          vectors(columns, [&](int64_t i, auto lanes) {
            store(a + i, load(probability + i, lanes) * (load(a + i, lanes) - sum), lanes);
          });
          if (d.bias) {
            float* dBias = d.bias + b * at.biasB + h * at.biasH + (t0 + r) * at.biasT;
            vectors(columns, [&](int64_t i, auto lanes) {
              store(dBias + i, load(dBias + i, lanes) + load(a + i, lanes), lanes);
            });
          }
          vectors(columns, [&](int64_t i, auto lanes) { store(a + i, load(a + i, lanes) * at.scale, lanes); });
        }
        const int64_t copy = (b * d.times + j) * at.G + g;
        timesPanels(rowMajor(dA, S), rows, columns, keyRows, S, K, K, dQ, K, buffers.tiles);
        multiplySmall(transposed(dA, S), rowMajor(q, K), columns, K, rows, d.key + copy * S * K, K, true,
                      buffers.small);
        multiplySmall(transposed(p, S), rowMajor(dO, K), columns, K, rows, d.value + copy * S * K, K, true,
                      buffers.small);
      }
    }
  }
}

void backwardAll(const Attention& at, const Gradients& d) {
  if (!d.bias) return parallelFor(at.B * at.G, [&](int64_t i) { backward(at, d, i / at.G, i % at.G); });
  // Tasks that add to the same numbers of dbias run one after the other, in the order of the batch.
  const auto clear = [&](int64_t b, int64_t h, int64_t t) {
    std::fill_n(d.bias + b * at.biasB + h * at.biasH + t * at.biasT, at.S, 0.0f);
  };
  for (int64_t b = 0; b < (at.biasB ? at.B : 1); b++)
    for (int64_t h = 0; h < (at.biasH ? at.H : 1); h++)
      for (int64_t t = 0; t < (at.biasT ? at.T : 1); t++) clear(b, h, t);
  const int64_t groups = at.biasH ? at.G : 1;
  parallelFor(groups, [&](int64_t i) {
    for (int64_t b = 0; b < at.B; b++)
      for (int64_t g = at.G * i / groups; g < at.G * (i + 1) / groups; g++) backward(at, d, b, g);
  });
}

int check(const char* op, const Attention& at) {
  CHECK(at.B >= 0 && at.H >= 0 && at.G > 0 && at.T >= 0 && at.S > 0 && at.K >= 0 && at.H % at.G == 0,
        "%s: expected S > 0 and H a multiple of G, received B=%lld, H=%lld, G=%lld, T=%lld, S=%lld, K=%lld", op,
        (long long)at.B, (long long)at.H, (long long)at.G, (long long)at.T, (long long)at.S, (long long)at.K);
  return INSEQ_OK;
}

}  // namespace
}  // namespace inseq

extern "C" {

int inseq_attention(const float* query, const float* key, const float* value, const float* bias, const int32_t* mask,
                    int64_t B, int64_t H, int64_t G, int64_t T, int64_t S, int64_t K, int64_t bias_stride_b,
                    int64_t bias_stride_h, int64_t bias_stride_t, float scale, int32_t causal, float* output) {
  using namespace inseq;
  const Attention at{query, key, value, bias, mask, B, H, G, T, S, K, bias_stride_b, bias_stride_h, bias_stride_t,
                     scale, causal != 0};
  if (const int status = check("attention", at)) return status;
  return guarded("attention", [&] { forwardAll(at, output, false); });
}

int inseq_attention_probabilities(const float* query, const float* key, const float* bias, const int32_t* mask,
                                  int64_t B, int64_t H, int64_t G, int64_t T, int64_t S, int64_t K,
                                  int64_t bias_stride_b, int64_t bias_stride_h, int64_t bias_stride_t, float scale,
                                  int32_t causal, float* probabilities) {
  using namespace inseq;
  const Attention at{query, key, nullptr, bias, mask, B, H, G, T, S, K, bias_stride_b, bias_stride_h, bias_stride_t,
                     scale, causal != 0};
  if (const int status = check("attentionProbabilities", at)) return status;
  return guarded("attentionProbabilities", [&] { forwardAll(at, probabilities, true); });
}

int inseq_attention_backward(const float* dy, const float* query, const float* key, const float* value,
                             const float* bias, const int32_t* mask, int64_t B, int64_t H, int64_t G, int64_t T,
                             int64_t S, int64_t K, int64_t bias_stride_b, int64_t bias_stride_h, int64_t bias_stride_t,
                             float scale, int32_t causal, int64_t times, float* d_query, float* d_key, float* d_value,
                             float* d_bias) {
  using namespace inseq;
  const Attention at{query, key, value, bias, mask, B, H, G, T, S, K, bias_stride_b, bias_stride_h, bias_stride_t,
                     scale, causal != 0};
  if (const int status = check("attentionBackward", at)) return status;
  CHECK(times > 0 && (times == 1 || d_bias == nullptr || bias_stride_b == 0),
        "attentionBackward: expected times > 0, and one bias for all copies, received times=%lld, bias stride %lld",
        (long long)times, (long long)bias_stride_b);
  return guarded("attentionBackward", [&] { backwardAll(at, {dy, times, d_query, d_key, d_value, d_bias}); });
}
}
