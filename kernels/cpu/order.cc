// Which numbers of a row are the largest (numpy's argmax, argmin; top-k), and entries along an axis.
//
//   top_k        values[r, k] and indices[r, k]: the k-th largest of x[r]; of equals the first comes first, NaN before all
//   arg_extreme  y[o, i]: the first n at which x[o, n, i] is largest (smallest)
//   gather       y[o, m, i] = x[o, ids[m], i]

#include <algorithm>
#include <numeric>
#include <vector>

#include "threads.h"
#include "status.h"

namespace {

/** Whether a number comes before another in descending order. */
bool before(float a, float b) {
  if (a != a || b != b) return a != a && b == b;
  return a > b;
}

}  // namespace

extern "C" {

int inseq_top_k(const float* x, int64_t R, int64_t V, int64_t K, float* values, int32_t* indices) {
  CHECK(R >= 0 && K >= 0 && K <= V && V <= INT32_MAX, "top_k: expected 0 to V entries of each row, received R=%lld, V=%lld, K=%lld",
        (long long)R, (long long)V, (long long)K);
  return inseq::guarded("top_k", [&] {
    inseq::parallelRanges(R, 1, [&](int64_t from, int64_t to) {
      std::vector<int32_t> places(static_cast<size_t>(V));
      for (int64_t r = from; r < to; r++) {
        const float* row = x + r * V;
        std::iota(places.begin(), places.end(), 0);
        std::partial_sort(places.begin(), places.begin() + K, places.end(), [&](int32_t a, int32_t b) {
          return before(row[a], row[b]) || (!before(row[b], row[a]) && a < b);
        });
        for (int64_t k = 0; k < K; k++) {
          indices[r * K + k] = places[k];
          values[r * K + k] = row[places[k]];
        }
      }
    });
  });
}

int inseq_arg_extreme(const float* x, int64_t outer, int64_t N, int64_t inner, int32_t smallest, int32_t* y) {
  CHECK(outer >= 0 && N > 0 && N <= INT32_MAX && inner >= 0,
        "arg_extreme: expected at least one number along the axis, received %lld, %lld, %lld", (long long)outer,
        (long long)N, (long long)inner);
  return inseq::guarded("arg_extreme", [&] {
    inseq::parallelRanges(outer * inner, 16384 / N + 1, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; i++) {
        const float* row = x + i / inner * N * inner + i % inner;
        int32_t best = 0;
        for (int64_t n = 1; n < N; n++) {
          const float value = row[n * inner], so_far = row[best * inner];
          if (smallest ? value < so_far : value > so_far) best = static_cast<int32_t>(n);
        }
        y[i] = best;
      }
    });
  });
}

int inseq_gather(const uint32_t* x, const int32_t* ids, int64_t outer, int64_t N, int64_t inner, int64_t M,
                 uint32_t* y) {
  CHECK(outer >= 0 && N >= 0 && inner >= 0 && M >= 0,
        "gather: expected sizes that are not negative, received outer=%lld, N=%lld, inner=%lld, M=%lld", (long long)outer,
        (long long)N, (long long)inner, (long long)M);
  for (int64_t m = 0; m < M; m++) {
    CHECK(ids[m] >= 0 && ids[m] < N, "gather: expected ids from 0 to %lld, received %d at place %lld", (long long)N - 1,
          ids[m], (long long)m);
  }
  return inseq::guarded("gather", [&] {
    inseq::parallelRanges(outer * M, 16384 / (inner + 1) + 1, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; i++) {
        std::copy_n(x + (i / M * N + ids[i % M]) * inner, inner, y + i * inner);
      }
    });
  });
}
}
