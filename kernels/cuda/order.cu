// Which numbers of a row are the largest, and entries along an axis (cpu/order.cc has the formulas).
//
//   arg_extreme  a block for each row: every thread finds the best of its numbers, then pairs of threads the better of two
//   top_k        rows are sorted whole by bitonic sort (Batcher 1968), whose steps do not depend on the numbers: keys of 64
//                bits hold the value, in descending order, above its place. Steps over short distances run in shared memory
//   gather       a thread for each number

#include "launch.h"

namespace inseq {
namespace {

/** Whether the number at a place comes before another one as the answer; NaN never does. */
__device__ bool isBetter(float value, int64_t place, float than, int64_t thanPlace, bool smallest) {
  if (value != value) return false;
  if (than != than) return true;
  if (value == than) return place < thanPlace;
  return smallest ? value < than : value > than;
}

__global__ void argExtremeKernel(const float* x, int64_t rows, int64_t N, int64_t inner, bool smallest, int32_t* y) {
  SHARED(float, bestValue, [THREADS]);
  SHARED(int64_t, bestPlace, [THREADS]);
  const int thread = static_cast<int>(threadIdx.x);
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const float* start = x + row / inner * N * inner + row % inner;
    float value = NAN;
    int64_t place = 0;
    for (int64_t n = thread; n < N; n += THREADS) {
      if (isBetter(start[n * inner], n, value, place, smallest)) {
        value = start[n * inner];
        place = n;
      }
    }
    bestValue[thread] = value;
    bestPlace[thread] = place;
    for (int half = THREADS / 2; half > 0; half /= 2) {
      __syncthreads();
      if (thread < half && isBetter(bestValue[thread + half], bestPlace[thread + half], bestValue[thread],
                                    bestPlace[thread], smallest)) {
        bestValue[thread] = bestValue[thread + half];
        bestPlace[thread] = bestPlace[thread + half];
      }
    }
    // As by comparing one after the other: nothing is larger than a NaN that comes first.
    if (thread == 0) y[row] = start[0] != start[0] ? 0 : static_cast<int32_t>(bestPlace[0]);
    __syncthreads();
  }
}

/** Keys of a block in shared memory. */
constexpr int64_t TILE = 2 * THREADS;
/** Sorted at once at most: 128 MiB of keys. */
constexpr int64_t MOST_KEYS = int64_t(1) << 24;
constexpr uint64_t LAST_KEY = ~uint64_t(0);

/** In ascending order of keys values descend; NaN come first; of equal values the smaller place. */
__device__ uint64_t keyOf(float value, int64_t place) {
  uint32_t bits = 0;
  if (value == value) {
    bits = __float_as_uint(value + 0.0f);  // −0 is 0
    bits = ~((bits >> 31) != 0 ? ~bits : bits | 0x80000000u);
  }
  return (static_cast<uint64_t>(bits) << 32) | static_cast<uint32_t>(place);
}

__global__ void makeKeysKernel(const float* x, int64_t count, int64_t V, int64_t P, uint64_t* keys) {
  EACH(i, count) {
    const Division at = divide(i, P);
    keys[i] = at.rest < V ? keyOf(x[at.quotient * V + at.rest], at.rest) : LAST_KEY;
  }
}

/** Orders a pair; runs of `size` keys ascend and descend in turn, and whole rows of P keys ascend. */
__device__ void order(uint64_t& a, uint64_t& b, bool ascending) {
  if ((a > b) != ascending) return;
  const uint64_t other = a;
  a = b;
  b = other;
}

/** One step over the distance `stride`. */
__global__ void sortStepKernel(int64_t pairs, int64_t P, int64_t size, int64_t stride, uint64_t* keys) {
  EACH(i, pairs) {
    const int64_t low = i / stride * 2 * stride + i % stride;
    order(keys[low], keys[low + stride], (low & size & (P - 1)) == 0);
  }
}

/** All steps over distances below TILE, for runs of fromSize to toSize keys. */
__global__ void sortTilesKernel(int64_t tiles, int64_t P, int64_t fromSize, int64_t toSize, uint64_t* keys) {
  SHARED(uint64_t, tile, [TILE]);
  const int64_t thread = threadIdx.x;
  for (int64_t t = blockIdx.x; t < tiles; t += gridDim.x) {
    const int64_t start = t * TILE;
    tile[thread] = keys[start + thread];
    tile[thread + THREADS] = keys[start + thread + THREADS];
    for (int64_t size = fromSize; size <= toSize; size *= 2) {
      for (int64_t stride = size / 2 < TILE / 2 ? size / 2 : TILE / 2; stride > 0; stride /= 2) {
        __syncthreads();
        const int64_t low = thread / stride * 2 * stride + thread % stride;
        order(tile[low], tile[low + stride], ((start + low) & size & (P - 1)) == 0);
      }
    }
    __syncthreads();
    keys[start + thread] = tile[thread];
    keys[start + thread + THREADS] = tile[thread + THREADS];
    __syncthreads();
  }
}

/** Rows of P keys, a power of two, each in ascending order. */
int sortRows(const char* op, int64_t rows, int64_t P, uint64_t* keys) {
  const int64_t tiles = rows * P / TILE;
  const dim3 grid(static_cast<unsigned>(tiles < 65535 ? tiles : 65535)), block(THREADS);
  TRY(launch(op, sortTilesKernel, grid, block, 0, tiles, P, 2, TILE, keys));
  for (int64_t size = 2 * TILE; size <= P; size *= 2) {
    for (int64_t stride = size / 2; stride >= TILE; stride /= 2) {
      TRY(launch(op, sortStepKernel, blocksFor(rows * P / 2), block, 0, rows * P / 2, P, size, stride, keys));
    }
    TRY(launch(op, sortTilesKernel, grid, block, 0, tiles, P, size, size, keys));
  }
  return INSEQ_OK;
}

__global__ void takeKernel(const float* x, const uint64_t* keys, int64_t count, int64_t V, int64_t K, int64_t P,
                           float* values, int32_t* indices) {
  EACH(i, count) {
    const Division at = divide(i, K);
    const auto place = static_cast<int32_t>(keys[at.quotient * P + at.rest] & 0xffffffffu);
    indices[i] = place;
    values[i] = x[at.quotient * V + place];
  }
}

__global__ void gatherKernel(const uint32_t* x, const int32_t* ids, int64_t count, int64_t N, int64_t inner, int64_t M,
                             uint32_t* y) {
  EACH(i, count) {
    const Division number = divide(i, inner);
    const Division entry = divide(number.quotient, M);
    const int32_t id = ids[entry.rest];
    if (id >= 0 && id < N) y[i] = x[(entry.quotient * N + id) * inner + number.rest];
  }
}

}  // namespace
}  // namespace inseq

extern "C" {

int inseq_arg_extreme(const float* x, int64_t outer, int64_t N, int64_t inner, int32_t smallest, int32_t* y) {
  using namespace inseq;
  CHECK(outer >= 0 && N > 0 && N <= INT32_MAX && inner >= 0,
        "arg_extreme: expected at least one number along the axis, received %lld, %lld, %lld", (long long)outer,
        (long long)N, (long long)inner);
  const int64_t rows = outer * inner;
  if (rows == 0) return INSEQ_OK;
  TENSOR("arg_extreme", x, rows * N);
  TENSOR("arg_extreme", y, rows);
  const dim3 grid(static_cast<unsigned>(rows < 65535 ? rows : 65535));
  return launch("arg_extreme", argExtremeKernel, grid, dim3(THREADS), 0, x, rows, N, inner, smallest != 0, y);
}

int inseq_top_k(const float* x, int64_t R, int64_t V, int64_t K, float* values, int32_t* indices) {
  using namespace inseq;
  CHECK(R >= 0 && K >= 0 && K <= V && V <= INT32_MAX,
        "top_k: expected 0 to V entries of each row, received R=%lld, V=%lld, K=%lld", (long long)R, (long long)V,
        (long long)K);
  if (R * K == 0) return INSEQ_OK;
  TENSOR("top_k", x, R * V);
  TENSOR("top_k", values, R * K);
  TENSOR("top_k", indices, R * K);
  int64_t P = TILE;
  while (P < V) P *= 2;
  const int64_t rowsAtOnce = MOST_KEYS / P < 1 ? 1 : MOST_KEYS / P < R ? MOST_KEYS / P : R;
  Scratch scratch;
  TRY(scratch.allocate("top_k", 2 * rowsAtOnce * P));
  auto* keys = reinterpret_cast<uint64_t*>(scratch.floats());
  for (int64_t from = 0; from < R; from += rowsAtOnce) {
    const int64_t rows = R - from < rowsAtOnce ? R - from : rowsAtOnce;
    const float* part = x + from * V;
    TRY(launch("top_k", makeKeysKernel, blocksFor(rows * P), dim3(THREADS), 0, part, rows * P, V, P, keys));
    TRY(sortRows("top_k", rows, P, keys));
    TRY(launch("top_k", takeKernel, blocksFor(rows * K), dim3(THREADS), 0, part, keys, rows * K, V, K, P,
               values + from * K, indices + from * K));
  }
  return INSEQ_OK;
}

int inseq_gather(const uint32_t* x, const int32_t* ids, int64_t outer, int64_t N, int64_t inner, int64_t M,
                 uint32_t* y) {
  using namespace inseq;
  CHECK(outer >= 0 && N >= 0 && inner >= 0 && M >= 0,
        "gather: expected sizes that are not negative, received outer=%lld, N=%lld, inner=%lld, M=%lld",
        (long long)outer, (long long)N, (long long)inner, (long long)M);
  const int64_t count = outer * M * inner;
  if (count == 0) return INSEQ_OK;
  TENSOR("gather", ids, M);
  TENSOR("gather", x, outer * N * inner);
  TENSOR("gather", y, count);
  TRY(checkIds("gather", ids, M, N));
  return launch("gather", gatherKernel, blocksFor(count), dim3(THREADS), 0, x, ids, count, N, inner, M, y);
}
}
