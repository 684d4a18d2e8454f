// Rows of a table and entries of rows (src/ops/embedding.ts, src/ops/select.ts):
//
//   embedding  y[m] = table[ids[m]]         dtable[v] = Σ dy[m] where ids[m] = v
//   select     y[b] = x[b, index[b]]        dx[b, n] = dy[b] where n = index[b], else 0

#include <algorithm>

#include "status.h"
#include "threads.h"

namespace {

/** The first position whose entry is not in 0 … N − 1; B if there is none. */
int64_t firstOutside(const int32_t* index, int64_t B, int64_t N) {
  return std::find_if(index, index + B, [&](int32_t i) { return i < 0 || i >= N; }) - index;
}

}  // namespace

extern "C" {

int inseq_embedding(const float* table, const int32_t* ids, int64_t M, int64_t N, int64_t D, float* y) {
  CHECK(M >= 0 && N >= 0 && D >= 0,
        "embedding: expected sizes that are not negative, received M=%lld, V=%lld, D=%lld", (long long)M, (long long)N,
        (long long)D);
  const int64_t bad = firstOutside(ids, M, N);
  CHECK(bad == M, "embedding: expected ids from 0 to %lld, received %d at place %lld", (long long)N - 1, ids[bad],
        (long long)bad);
  for (int64_t m = 0; m < M; m++) std::copy_n(table + ids[m] * D, D, y + m * D);
  return INSEQ_OK;
}

// A thread owns some columns of the table, so that each number is summed in the order of m.
int inseq_embedding_backward(const float* dy, const int32_t* ids, int64_t M, int64_t N, int64_t D, float* d_table) {
  CHECK(M >= 0 && N >= 0 && D >= 0,
        "embeddingBackward: expected sizes that are not negative, received M=%lld, V=%lld, D=%lld", (long long)M,
        (long long)N, (long long)D);
  const int64_t bad = firstOutside(ids, M, N);
  CHECK(bad == M, "embeddingBackward: expected ids from 0 to %lld, received %d at place %lld", (long long)N - 1,
        ids[bad], (long long)bad);
  return inseq::guarded("embeddingBackward", [&] {
    inseq::parallelRanges(D, 65536 / (M + N + 1) + 1, [&](int64_t from, int64_t to) {
      for (int64_t v = 0; v < N; v++) std::fill(d_table + v * D + from, d_table + v * D + to, 0.0f);
      for (int64_t m = 0; m < M; m++)
        for (int64_t i = from; i < to; i++) d_table[ids[m] * D + i] += dy[m * D + i];
    });
  });
}

int inseq_select(const float* x, const int32_t* index, int64_t B, int64_t N, int64_t D, int64_t times, float* y) {
  CHECK(B >= 0 && N >= 0 && D >= 0 && times > 0 && B % times == 0,
        "select: expected rows in whole copies, received B=%lld, N=%lld, D=%lld, times=%lld", (long long)B,
        (long long)N, (long long)D, (long long)times);
  const int64_t bad = firstOutside(index, B, N);
  CHECK(bad == B, "select: expected entries from 0 to %lld, received %d for row %lld", (long long)N - 1, index[bad],
        (long long)bad);
  for (int64_t b = 0; b < B; b++) std::copy_n(x + (b / times * N + index[b]) * D, D, y + b * D);
  return INSEQ_OK;
}

int inseq_select_backward(const float* dy, const int32_t* index, int64_t B, int64_t N, int64_t D, float* dx) {
  CHECK(B >= 0 && N >= 0 && D >= 0, "selectBackward: expected sizes that are not negative, received %lld, %lld, %lld",
        (long long)B, (long long)N, (long long)D);
  const int64_t bad = firstOutside(index, B, N);
  CHECK(bad == B, "selectBackward: expected entries from 0 to %lld, received %d for row %lld", (long long)N - 1,
        index[bad], (long long)bad);
  return inseq::guarded("selectBackward", [&] {
    inseq::parallelRanges(B, 65536 / (N * D + 1) + 1, [&](int64_t from, int64_t to) {
      std::fill(dx + from * N * D, dx + to * N * D, 0.0f);
      for (int64_t b = from; b < to; b++) std::copy_n(dy + b * D, D, dx + (b * N + index[b]) * D);
    });
  });
}
}
