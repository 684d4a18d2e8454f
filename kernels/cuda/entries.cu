// Rows of a table and entries of rows (src/ops/embedding.ts, src/ops/select.ts):
//
//   embedding  y[m] = table[ids[m]]         d_table[v] = Σ dy[m] over ids[m] = v
//   select     y[b] = x[b, index[b]]        dx[b, n] = dy[b] where n = index[b], else 0
//
// Ids are checked by a kernel of their own (ids.cu). Sums for the same row are added in the order of the ids, by one
// thread for each number, so that they are always the same; the first m of an id finds all the later ones.

#include "launch.h"

namespace inseq {
namespace {

/** Row r of y is row of(r) of x; rows outside are left out. */
template <int WIDTH>
__global__ void takeRows(const float* x, const int32_t* index, int64_t groups, int64_t N, int64_t D, bool ofOwnTable,
                         int64_t times, float* y) {
  EACH(i, groups) {
    const Division at = divide(i * WIDTH, D);
    const int64_t chosen = index[at.quotient];
    if (chosen < 0 || chosen >= N) continue;
    const int64_t table = ofOwnTable ? divide(at.quotient, times).quotient * N : 0;
    store<WIDTH>(y + i * WIDTH, load<WIDTH>(x + (table + chosen) * D + at.rest));
  }
}

template <int WIDTH>
__global__ void selectBackwardKernel(const float* dy, const int32_t* index, int64_t groups, int64_t N, int64_t D,
                                     float* dx) {
  EACH(i, groups) {
    const Division inRow = divide(i * WIDTH, D);
    const Division at = divide(inRow.quotient, N);
    Vector<WIDTH> v = {};
    if (index[at.quotient] == at.rest) v = load<WIDTH>(dy + at.quotient * D + inRow.rest);
    store<WIDTH>(dx + i * WIDTH, v);
  }
}

/** Block m adds up the rows of its id, if no earlier m has that id. */
__global__ void embeddingBackwardKernel(const float* dy, const int32_t* ids, int64_t M, int64_t N, int64_t D,
                                        float* dTable) {
  const int64_t m = blockIdx.x;
  const int32_t id = ids[m];
  if (id < 0 || id >= N) return;
  int earlier = 0;
  for (int64_t i = threadIdx.x; i < m; i += blockDim.x) earlier |= ids[i] == id;
  if (__syncthreads_or(earlier)) return;
  for (int64_t d = threadIdx.x; d < D; d += blockDim.x) {
    float total = dy[m * D + d];
    for (int64_t i = m + 1; i < M; i++)
      if (ids[i] == id) total += dy[i * D + d];
    dTable[id * D + d] = total;
  }
}

int take(const char* op, const float* x, const int32_t* index, int64_t M, int64_t N, int64_t D, bool ofOwnTable,
         int64_t times, float* y) {
  TENSOR(op, x, (ofOwnTable ? M / times : 1) * N * D);
  TENSOR(op, index, M);
  TENSOR(op, y, M * D);
  TRY(checkIds(op, index, M, N));
  if (M * D == 0) return INSEQ_OK;
  const bool four = D % 4 == 0 && aligned(x, y);
  const int64_t groups = M * D / (four ? 4 : 1);
  return launch(op, four ? takeRows<4> : takeRows<1>, blocksFor(groups), THREADS, 0, x, index, groups, N, D, ofOwnTable,
                times, y);
}

}  // namespace
}  // namespace inseq

using namespace inseq;

extern "C" {

int inseq_embedding(const float* table, const int32_t* ids, int64_t M, int64_t V, int64_t D, float* y) {
  CHECK(M >= 0 && V >= 0 && D >= 0, "embedding: expected sizes that are not negative, received M=%lld, V=%lld, D=%lld",
        (long long)M, (long long)V, (long long)D);
  return take("embedding", table, ids, M, V, D, false, 1, y);
}

int inseq_embedding_backward(const float* dy, const int32_t* ids, int64_t M, int64_t V, int64_t D, float* d_table) {
  constexpr const char* op = "embeddingBackward";
  CHECK(M >= 0 && V >= 0 && D >= 0, "%s: expected sizes that are not negative, received M=%lld, V=%lld, D=%lld", op,
        (long long)M, (long long)V, (long long)D);
  TENSOR(op, dy, M * D);
  TENSOR(op, ids, M);
  TENSOR(op, d_table, V * D);
  TRY(checkIds(op, ids, M, V));
  TRY(inseq_fill(d_table, V * D, 0.0f));
  if (M * D == 0) return INSEQ_OK;
  return launch(op, embeddingBackwardKernel, dim3(static_cast<unsigned>(M)), THREADS, 0, dy, ids, M, V, D, d_table);
}

int inseq_select(const float* x, const int32_t* index, int64_t B, int64_t N, int64_t D, int64_t times, float* y) {
  CHECK(B >= 0 && N >= 0 && D >= 0 && times > 0 && B % times == 0,
        "select: expected rows in whole copies, received B=%lld, N=%lld, D=%lld, times=%lld", (long long)B,
        (long long)N, (long long)D, (long long)times);
  return take("select", x, index, B, N, D, true, times, y);
}

int inseq_select_backward(const float* dy, const int32_t* index, int64_t B, int64_t N, int64_t D, float* dx) {
  constexpr const char* op = "selectBackward";
  CHECK(B >= 0 && N >= 0 && D >= 0, "%s: expected sizes that are not negative, received %lld, %lld, %lld", op,
        (long long)B, (long long)N, (long long)D);
  TENSOR(op, dy, B * D);
  TENSOR(op, index, B);
  TENSOR(op, dx, B * N * D);
  TRY(checkIds(op, index, B, N));
  if (B * N * D == 0) return INSEQ_OK;
  const bool four = D % 4 == 0 && aligned(dy, dx);
  const int64_t groups = B * N * D / (four ? 4 : 1);
  return launch(op, four ? selectBackwardKernel<4> : selectBackwardKernel<1>, blocksFor(groups), THREADS, 0, dy, index,
                groups, N, D, dx);
}
}
