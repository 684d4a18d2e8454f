// Sum, mean, extremes and norms along one axis: x [outer, N, inner] -> y [outer, inner].
//
// Along the last axis (inner = 1) a group of threads has a row; a few very long rows are cut into pieces, whose results
// are reduced again. Elsewhere a block has 32 neighbours of y, and its eight rows of threads share N. Every sum has one
// order, given by the sizes. A NaN gives NaN.

#include "rows.h"

namespace inseq {
namespace {

struct Plain {
  static __device__ float of(float x) { return x; }
};
struct Absolute {
  static __device__ float of(float x) { return fabsf(x); }
};
struct Squared {
  static __device__ float of(float x) { return x * x; }
};

/** What is done with the joined numbers at the end. */
struct End {
  float factor;
  bool root;
  __device__ float of(float total) const { return root ? sqrtf(total) : total * factor; }
};

/** Piece p of a row is numbers p · length … of its N. */
template <typename Rule, typename Each, int GROUP>
__global__ void __launch_bounds__(groupThreads<GROUP>)
    reduceRows(const float* x, int64_t rows, int64_t N, int64_t pieces, int64_t length, End end, float* y) {
  const int64_t r = groupRow();
  float total = Rule::START;
  if (r < rows) {
    const Division at = divide(r, pieces);
    const float* row = x + at.quotient * N;
    const int64_t from = at.rest * length, to = from + length < N ? from + length : N;
    for (int64_t i = from + threadIdx.x; i < to; i += GROUP) total = Rule::join(total, Each::of(row[i]));
  }
  total = overGroup<Rule, GROUP>(total);
  if (r < rows && threadIdx.x == 0) y[r] = end.of(total);
}

constexpr int COLUMNS = 32, SHARES = 8;

template <typename Rule, typename Each>
__global__ void reduceColumns(const float* x, int64_t columnBlocks, int64_t N, int64_t inner, End end, float* y) {
  const Division block = divide(blockIdx.x, columnBlocks);
  const int64_t column = block.rest * COLUMNS + threadIdx.x;
  const float* from = x + block.quotient * N * inner + column;
  float total = Rule::START;
  if (column < inner)
    for (int64_t n = threadIdx.y; n < N; n += SHARES) total = Rule::join(total, Each::of(from[n * inner]));
  SHARED(float, shares, [SHARES][COLUMNS]);
  shares[threadIdx.y][threadIdx.x] = total;
  __syncthreads();
  if (threadIdx.y != 0 || column >= inner) return;
  for (int i = 1; i < SHARES; i++) total = Rule::join(total, shares[i][threadIdx.x]);
  y[block.quotient * inner + column] = end.of(total);
}

template <typename Rule, typename Each>
int launchRows(const float* x, int64_t outer, int64_t N, int64_t pieces, End end, float* y) {
  const int64_t rows = outer * pieces, length = ceilDiv(N, pieces);
  return withGroups(rows, length, [&](auto group, dim3 grid, dim3 block) {
    return launch("reduce", reduceRows<Rule, Each, decltype(group)::value>, grid, block, 0, x, rows, N, pieces, length,
                  end, y);
  });
}

template <typename Rule, typename Each>
int reduce(const float* x, int64_t outer, int64_t N, int64_t inner, End end, float* y) {
  if (inner > 1) {
    const int64_t columnBlocks = ceilDiv(inner, COLUMNS);
    return launch("reduce", reduceColumns<Rule, Each>, dim3(static_cast<unsigned>(outer * columnBlocks)),
                  dim3(COLUMNS, SHARES), 0, x, columnBlocks, N, inner, end, y);
  }
  constexpr int64_t SHORTEST_PIECE = 8192;
  const int64_t wanted = device().processors * 4 / outer, most = N / SHORTEST_PIECE;
  const int64_t pieces = wanted < most ? wanted : most;
  if (pieces < 2) return launchRows<Rule, Each>(x, outer, N, 1, end, y);
  Scratch scratch;
  TRY(scratch.allocate("reduce", outer * pieces));
  TRY((launchRows<Rule, Each>(x, outer, N, pieces, {1.0f, false}, scratch.floats())));
  return launchRows<Rule, Plain>(scratch.floats(), outer, pieces, 1, end, y);
}

}  // namespace
}  // namespace inseq

extern "C" int inseq_reduce(const float* x, int32_t reduction, int64_t outer, int64_t N, int64_t inner, float* y) {
  using namespace inseq;
  CHECK(outer >= 0 && N >= 0 && inner >= 0, "reduce: expected sizes that are not negative, received %lld, %lld, %lld",
        (long long)outer, (long long)N, (long long)inner);
  CHECK(reduction >= INSEQ_SUM && reduction <= INSEQ_L2, "reduce: expected a known reduction, received %d", reduction);
  TENSOR("reduce", x, outer * N * inner);
  TENSOR("reduce", y, outer * inner);
  if (outer * inner == 0) return INSEQ_OK;
  const End end{1.0f, false};
  switch (reduction) {
    case INSEQ_SUM: return reduce<SumRule, Plain>(x, outer, N, inner, end, y);
    case INSEQ_MEAN: return reduce<SumRule, Plain>(x, outer, N, inner, {1.0f / static_cast<float>(N), false}, y);
    case INSEQ_MAX: return reduce<MaxRule, Plain>(x, outer, N, inner, end, y);
    case INSEQ_MIN: return reduce<MinRule, Plain>(x, outer, N, inner, end, y);
    case INSEQ_L1: return reduce<SumRule, Absolute>(x, outer, N, inner, end, y);
    default: return reduce<SumRule, Squared>(x, outer, N, inner, {1.0f, true}, y);
  }
}
