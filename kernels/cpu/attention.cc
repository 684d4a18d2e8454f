// Scaled dot-product attention with grouped key/value heads (src/ops/attention.ts, attentionScores.ts):
//
//   A = cap(scale · Q Kᵀ) + bias, masked, P = softmax(A), O = P V          cap(x) = c · tanh(x / c), or x
//
// One task is one pair (batch, key/value head): its keys and values are packed once for all queries of the group. Queries
// are taken ROWS at a time, so that only ROWS × S scores exist, and of these only the columns that the last of the rows may
// see. The forward pass gives L = ln Σ e^A of each row, from which the backward pass recomputes P = e^(A − L) in one pass over
// the scores. A masked score is −1e30 in the definition; here it is left out, which is the same unless a query sees nothing
// at all: then P is 1/S everywhere, L is −∞, and as all its scores are constants, they have no gradient.

#include <algorithm>
#include <cmath>
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
  float scale, softCap;
  int64_t before, after;

  /** The keys that query t may see: from ≤ s < to. Positions can be negative where T > S. */
  int64_t from(int64_t t) const { return std::clamp<int64_t>(t + S - T - std::min(before, T + S), 0, S); }
  int64_t to(int64_t t) const { return std::clamp<int64_t>(t + 1 + S - T + std::min(after, T + S), 0, S); }
};

struct Buffers {
  Scratch keys, values, keyRows, tiles, scores, cotangents, slopes, small;
};
thread_local Buffers buffers;

/** What becomes of a row of scores. */
struct Row {
  /** How many leading columns of P are not zero. */
  int64_t columns;
  /** ln Σ e^A; −∞ where the query sees no key. */
  float logSumExp;

  bool sees() const { return logSumExp != -std::numeric_limits<float>::infinity(); }
};

/** The products Q Kᵀ of a row become A, of the keys from ≤ s < to; cap'(x) goes to `slopes`, if given. */
void scoreRow(const Attention& at, int64_t b, int64_t h, int64_t t, int64_t from, int64_t to, float* row,
              float* slopes) {
  const float* bias = at.bias ? at.bias + b * at.biasB + h * at.biasH + t * at.biasT : nullptr;
  const float factor = at.softCap > 0 ? at.scale / at.softCap : at.scale;
  vectors(to - from, [&](int64_t n, auto lanes) {
    const int64_t i = from + n;
    V a = load(row + i, lanes) * factor;
    if (at.softCap > 0) {
      const V capped = vtanh(a);
      if (slopes) store(slopes + i, 1.0f - capped * capped, lanes);
      a = capped * at.softCap;
    }
    if (bias) a += load(bias + i, lanes);
    store(row + i, a, lanes);
  });
}

/** exp(−∞) is computed as a number that vanishes only nearly: masked keys get exactly zero. */
void maskRow(const Attention& at, int64_t b, int64_t from, int64_t to, float value, float* row) {
  if (!at.mask) return;
  const int32_t* mask = at.mask + b * at.S;
  for (int64_t i = from; i < to; i++)
    if (mask[i] == 0) row[i] = value;
}

bool seesAny(const Attention& at, int64_t b, int64_t from, int64_t to) {
  if (!at.mask) return from < to;
  const int32_t* mask = at.mask + b * at.S;
  return std::any_of(mask + from, mask + to, [](int32_t visible) { return visible != 0; });
}

/** One row of products [S] becomes probabilities. */
Row softmaxRow(const Attention& at, int64_t b, int64_t h, int64_t t, float* row, float* slopes) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const int64_t from = at.from(t), to = std::max(from, at.to(t)), n = to - from;
  if (!seesAny(at, b, from, to)) {
    std::fill_n(row, at.S, 1.0f / static_cast<float>(at.S));
    return {at.S, -infinity};
  }
  scoreRow(at, b, h, t, from, to, row, slopes);
  maskRow(at, b, from, to, -infinity, row);
  float* seen = row + from;
  const V lowest = splat(-infinity);
  V highest = lowest;
  vectors(n, [&](int64_t i, auto lanes) { highest = vmax(highest, keep(load(seen + i, lanes), lowest, lanes)); });
  const float m = maxLanes(highest);
  V total{};
  vectors(n, [&](int64_t i, auto lanes) {
    const V e = vexp(load(seen + i, lanes) - m);
    store(seen + i, e, lanes);
    total += keep(e, V{}, lanes);
  });
  maskRow(at, b, from, to, 0.0f, row);
  const float sum = sumLanes(total), inverse = 1.0f / sum;
  vectors(n, [&](int64_t i, auto lanes) { store(seen + i, load(seen + i, lanes) * inverse, lanes); });
  std::fill(row, row + from, 0.0f);
  std::fill(row + to, row + at.S, 0.0f);
  return {to, m + std::log(sum)};
}

/** The same where L is known: P = e^(A − L). */
Row probabilityRow(const Attention& at, int64_t b, int64_t h, int64_t t, float logSumExp, float* row, float* slopes) {
  const int64_t from = at.from(t), to = std::max(from, at.to(t));
  const Row known{to, logSumExp};
  if (!known.sees()) {
    std::fill_n(row, at.S, 1.0f / static_cast<float>(at.S));
    return {at.S, logSumExp};
  }
  scoreRow(at, b, h, t, from, to, row, slopes);
  float* seen = row + from;
  vectors(to - from, [&](int64_t i, auto lanes) { store(seen + i, vexp(load(seen + i, lanes) - logSumExp), lanes); });
  maskRow(at, b, from, to, 0.0f, row);
  std::fill(row, row + from, 0.0f);
  std::fill(row + to, row + at.S, 0.0f);
  return known;
}

/** c [rows, N] (+)= a [rows, depth] · panels, of which the first `depth` of `packed` rows count. */
void timesPanels(View a, int64_t rows, int64_t depth, const float* panels, int64_t packed, int64_t N, int64_t columns,
                 float* c, int64_t ldc, Scratch& tiles) {
  float* packedRows = tiles.get(rows * depth);
  packTiles(a, nullptr, rows, depth, 0, tileCount(rows), packedRows);
  multiply({rows, N, depth, packedRows, {panels}, c, ldc, nullptr, {}, false, packed}, 0, tileCount(rows), 0,
           panelCount(columns));
}

/** Q Kᵀ of the queries t0 ≤ t < t0 + rows of a head, [rows, S], as far as the last of them sees. */
void products(const Attention& at, const float* keyPanels, int64_t b, int64_t h, int64_t t0, int64_t rows, float* p) {
  const float* q = at.query + ((b * at.H + h) * at.T + t0) * at.K;
  timesPanels(rowMajor(q, at.K), rows, at.K, keyPanels, at.K, at.S, at.to(t0 + rows - 1), p, at.S, buffers.tiles);
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

struct Results {
  float *output, *probabilities, *logSumExp;  // O and L, or P
};

/** Results of the queries from ≤ t < to of every head of group g. */
void forward(const Attention& at, int64_t b, int64_t g, int64_t from, int64_t to, const Results& results) {
  const int64_t group = b * at.G + g, heads = at.H / at.G;
  const bool keepsP = results.probabilities != nullptr;
  const float* keys = packTransposed(at.key + group * at.S * at.K, at.S, at.K, buffers.keys);
  const float* values = keepsP ? nullptr : packRows(at.value + group * at.S * at.K, at.S, at.K, buffers.values);
  for (int64_t h = g * heads; h < (g + 1) * heads; h++) {
    for (int64_t t0 = from; t0 < to; t0 += ROWS) {
      const int64_t rows = std::min(ROWS, to - t0), first = (b * at.H + h) * at.T + t0;
      float* p = keepsP ? results.probabilities + first * at.S : buffers.scores.get(ROWS * at.S);
      products(at, keys, b, h, t0, rows, p);
      int64_t columns = 0;
      for (int64_t r = 0; r < rows; r++) {
        const Row row = softmaxRow(at, b, h, t0 + r, p + r * at.S, nullptr);
        columns = std::max(columns, row.columns);
        if (results.logSumExp) results.logSumExp[first + r] = row.logSumExp;
      }
      if (keepsP) continue;
      timesPanels(rowMajor(p, at.S), rows, columns, values, at.S, at.K, at.K, results.output + first * at.K, at.K,
                  buffers.tiles);
    }
  }
}

void forwardAll(const Attention& at, const Results& results) {
  // Few heads and many queries: cut the queries, too (their keys are then packed more than once).
  const int64_t tasks = at.B * at.G;
  if (tasks == 0 || at.T == 0) return;
  const int64_t pieces = std::clamp<int64_t>(64 / tasks, 1, (at.T + ROWS - 1) / ROWS);
  parallelFor(tasks * pieces, [&](int64_t i) {
    const int64_t task = i / pieces, piece = i % pieces;
    forward(at, task / at.G, task % at.G, at.T * piece / pieces, at.T * (piece + 1) / pieces, results);
  });
}

/** How many leading rows hold anything but zeros. */
int64_t rowsWithCotangent(const float* dy, int64_t rows, int64_t width) {
  for (; rows > 0; rows--)
    for (int64_t i = 0; i < width; i++)
      if (!(dy[(rows - 1) * width + i] == 0.0f)) return rows;
  return 0;
}

struct Gradients {
  const float* dy;         // of O, or with no values of P
  const float* logSumExp;  // null: P is computed as in the forward pass
  int64_t times;
  float *query, *key, *value, *bias;
};

/** P of some queries of a head, and how many leading columns are not zero; cap' beside it, where scores are capped. */
int64_t recompute(const Attention& at, const float* keys, const float* logSumExp, int64_t b, int64_t h, int64_t t0,
                  int64_t rows, float* p, float* slopes, bool* sees) {
  products(at, keys, b, h, t0, rows, p);
  int64_t columns = 0;
  for (int64_t r = 0; r < rows; r++) {
    float* slope = slopes ? slopes + r * at.S : nullptr;
    const Row row = logSumExp ? probabilityRow(at, b, h, t0 + r, logSumExp[(b * at.H + h) * at.T + t0 + r],
                                               p + r * at.S, slope)
                              : softmaxRow(at, b, h, t0 + r, p + r * at.S, slope);
    columns = std::max(columns, row.columns);
    sees[r] = row.sees();
  }
  return columns;
}

// From P = softmax(A):                   dA = P ∘ (dP − rowsum(dP ∘ P)), 0 where masked
// From A = z + bias:                     dbias = dA summed to bias's shape
// From z = cap(scale · Q Kᵀ):            d(Q Kᵀ) = scale · cap' · dA
/** A row of dP becomes one of d(Q Kᵀ). */
void scoreGradientRow(const Attention& at, int64_t columns, const float* p, const float* slopes, float* a,
                      float* dBias) {
  V total{}, ones{};
  vectors(columns, [&](int64_t i, auto lanes) {
    const V probability = load(p + i, lanes);
    total += load(a + i, lanes) * probability;
    ones += probability;
  });
  // P sums to 1 but for the rounding of L, which a difference of nearly equal numbers would enlarge.
  const float sum = sumLanes(total) / sumLanes(ones);
  vectors(columns, [&](int64_t i, auto lanes) {
    const V probability = load(p + i, lanes);
    V dA = probability * (load(a + i, lanes) - sum);
    if (dBias) store(dBias + i, load(dBias + i, lanes) + dA, lanes);
    // Where nothing is seen no slope was computed, and the gradient is zero.
    if (slopes) dA = probability == 0.0f ? V{} : dA * load(slopes + i, lanes);
    store(a + i, dA * at.scale, lanes);
  });
}

// From O = P V:                          dP = dO Vᵀ,  dV = Pᵀ dO
// From Q Kᵀ:                             dQ = d(Q Kᵀ) K,  dK = d(Q Kᵀ)ᵀ Q
void backward(const Attention& at, const Gradients& d, int64_t b, int64_t g) {
  const int64_t group = b * at.G + g, heads = at.H / at.G, S = at.S, K = at.K;
  const bool ofP = at.value == nullptr;
  const int64_t width = ofP ? S : K;  // of a row of dy
  const float* keys = packTransposed(at.key + group * S * K, S, K, buffers.keys);
  const float* values = ofP ? nullptr : packTransposed(at.value + group * S * K, S, K, buffers.values);
  const float* keyRows = packRows(at.key + group * S * K, S, K, buffers.keyRows);
  float* p = buffers.scores.get(ROWS * S);
  float* dA = buffers.cotangents.get(ROWS * S);
  float* slopes = at.softCap > 0 ? buffers.slopes.get(ROWS * S) : nullptr;
  for (int64_t j = 0; j < d.times; j++) {
    const int64_t copy = (b * d.times + j) * at.G + g;
    std::fill_n(d.key + copy * S * K, S * K, 0.0f);
    if (!ofP) std::fill_n(d.value + copy * S * K, S * K, 0.0f);
  }
  for (int64_t h = g * heads; h < (g + 1) * heads; h++) {
    for (int64_t t0 = 0; t0 < at.T; t0 += ROWS) {
      const int64_t all = std::min(ROWS, at.T - t0);
      const float* q = at.query + ((b * at.H + h) * at.T + t0) * K;
      int64_t columns = -1;  // P is computed when a copy first needs it
      bool sees[ROWS];
      for (int64_t j = 0; j < d.times; j++) {
        const int64_t row0 = ((b * d.times + j) * at.H + h) * at.T + t0;
        const float* dy = d.dy + row0 * width;
        float* dQ = d.query + row0 * K;
        const int64_t rows = rowsWithCotangent(dy, all, width);
        std::fill(dQ + rows * K, dQ + all * K, 0.0f);
        if (rows == 0) continue;
        if (columns < 0) columns = recompute(at, keys, d.logSumExp, b, h, t0, all, p, slopes, sees);
        if (ofP) {
          for (int64_t r = 0; r < rows; r++) std::copy_n(dy + r * S, columns, dA + r * S);
        } else {
          timesPanels(rowMajor(dy, K), rows, K, values, K, S, columns, dA, S, buffers.tiles);
        }
        for (int64_t r = 0; r < rows; r++) {
          float* dBias = d.bias ? d.bias + b * at.biasB + h * at.biasH + (t0 + r) * at.biasT : nullptr;
          if (sees[r]) {
            scoreGradientRow(at, columns, p + r * S, slopes ? slopes + r * S : nullptr, dA + r * S, dBias);
          } else {
            std::fill_n(dA + r * S, columns, 0.0f);
          }
        }
        const int64_t copy = (b * d.times + j) * at.G + g;
        timesPanels(rowMajor(dA, S), rows, columns, keyRows, S, K, K, dQ, K, buffers.tiles);
        multiplySmall(transposed(dA, S), rowMajor(q, K), columns, K, rows, d.key + copy * S * K, K, true,
                      buffers.small);
        if (ofP) continue;
        multiplySmall(transposed(p, S), rowMajor(dy, K), columns, K, rows, d.value + copy * S * K, K, true,
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
  CHECK(at.before >= 0 && at.after >= 0 && at.softCap >= 0,
        "%s: expected a window and a soft cap that are not negative, received %lld before, %lld after, soft cap %g", op,
        (long long)at.before, (long long)at.after, at.softCap);
  return INSEQ_OK;
}

int checkCopies(const char* op, const Attention& at, const Gradients& d) {
  CHECK(d.times > 0 && (d.times == 1 || d.bias == nullptr || at.biasB == 0),
        "%s: expected times > 0, and one bias for all copies, received times=%lld, bias stride %lld", op,
        (long long)d.times, (long long)at.biasB);
  return INSEQ_OK;
}

}  // namespace
}  // namespace inseq

extern "C" {

int inseq_attention(const float* query, const float* key, const float* value, const float* bias, const int32_t* mask,
                    int64_t B, int64_t H, int64_t G, int64_t T, int64_t S, int64_t K, int64_t bias_stride_b,
                    int64_t bias_stride_h, int64_t bias_stride_t, float scale, float soft_cap, int64_t before,
                    int64_t after, float* output, float* log_sum_exp) {
  using namespace inseq;
  const Attention at{query, key, value, bias, mask, B, H, G, T, S, K, bias_stride_b, bias_stride_h, bias_stride_t,
                     scale, soft_cap, before, after};
  if (const int status = check("attention", at)) return status;
  return guarded("attention", [&] { forwardAll(at, {output, nullptr, log_sum_exp}); });
}

int inseq_attention_probabilities(const float* query, const float* key, const float* bias, const int32_t* mask,
                                  int64_t B, int64_t H, int64_t G, int64_t T, int64_t S, int64_t K,
                                  int64_t bias_stride_b, int64_t bias_stride_h, int64_t bias_stride_t, float scale,
                                  float soft_cap, int64_t before, int64_t after, float* probabilities) {
  using namespace inseq;
  const Attention at{query, key, nullptr, bias, mask, B, H, G, T, S, K, bias_stride_b, bias_stride_h, bias_stride_t,
                     scale, soft_cap, before, after};
  if (const int status = check("attentionProbabilities", at)) return status;
  return guarded("attentionProbabilities", [&] { forwardAll(at, {nullptr, probabilities, nullptr}); });
}

int inseq_attention_backward(const float* dy, const float* query, const float* key, const float* value,
                             const float* bias, const int32_t* mask, const float* log_sum_exp, int64_t B, int64_t H,
                             int64_t G, int64_t T, int64_t S, int64_t K, int64_t bias_stride_b, int64_t bias_stride_h,
                             int64_t bias_stride_t, float scale, float soft_cap, int64_t before, int64_t after,
                             int64_t times, float* d_query, float* d_key, float* d_value, float* d_bias) {
  using namespace inseq;
  const Attention at{query, key, value, bias, mask, B, H, G, T, S, K, bias_stride_b, bias_stride_h, bias_stride_t,
                     scale, soft_cap, before, after};
  const Gradients d{dy, log_sum_exp, times, d_query, d_key, d_value, d_bias};
  if (const int status = check("attentionBackward", at)) return status;
  if (const int status = checkCopies("attentionBackward", at, d)) return status;
  return guarded("attentionBackward", [&] { backwardAll(at, d); });
}

int inseq_attention_probabilities_backward(const float* dy, const float* query, const float* key, const float* bias,
                                           const int32_t* mask, int64_t B, int64_t H, int64_t G, int64_t T, int64_t S,
                                           int64_t K, int64_t bias_stride_b, int64_t bias_stride_h,
                                           int64_t bias_stride_t, float scale, float soft_cap, int64_t before,
                                           int64_t after, int64_t times, float* d_query, float* d_key, float* d_bias) {
  using namespace inseq;
  const Attention at{query, key, nullptr, bias, mask, B, H, G, T, S, K, bias_stride_b, bias_stride_h, bias_stride_t,
                     scale, soft_cap, before, after};
  const Gradients d{dy, nullptr, times, d_query, d_key, nullptr, d_bias};
  if (const int status = check("attentionProbabilitiesBackward", at)) return status;
  if (const int status = checkCopies("attentionProbabilitiesBackward", at, d)) return status;
  return guarded("attentionProbabilitiesBackward", [&] { backwardAll(at, d); });
}
}
